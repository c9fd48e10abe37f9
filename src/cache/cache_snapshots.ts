/**
 * Snapshots of the token cache in a place that outlives the process.
 *
 * @module
 */
import { ConfigError, RouterError } from "../errors.ts";
import { SnapshotError } from "../trie/mod.ts";
import type { Clock } from "../types.ts";
import type { TokenCache } from "./token_cache.ts";

/** A place that holds one snapshot. */
export interface SnapshotStore {
  /** Its name, for messages. */
  readonly place: string;
  /** The snapshot; null when there is none yet. */
  read(): Promise<Uint8Array | null>;
  /** Puts a snapshot in place of the one before: whole or, when it rejects, not at all. */
  write(snapshot: Uint8Array): Promise<void>;
}

/** What a save wrote, and how long it took. */
export interface SnapshotReport {
  readonly bytes: number;
  readonly ms: number;
}

/** Options of {@link CacheSnapshots}. */
export interface CacheSnapshotsOptions {
  readonly cache: TokenCache;
  readonly store: SnapshotStore;
  readonly clock: Pick<Clock, "now">;
}

/** Loads and saves a cache. Saves happen one after another. */
export class CacheSnapshots {
  readonly #cache: TokenCache;
  readonly #store: SnapshotStore;
  readonly #clock: Pick<Clock, "now">;
  #lastSave: Promise<unknown> = Promise.resolve();

  constructor({ cache, store, clock }: CacheSnapshotsOptions) {
    this.#cache = cache;
    this.#store = store;
    this.#clock = clock;
  }

  /** Name of the place where snapshots are kept. */
  get place(): string {
    return this.#store.place;
  }

  /**
   * Fills the cache from the store; null when there is nothing in it.
   *
   * @throws ConfigError when it cannot be read: to go on with an empty cache would be a silent loss
   */
  async load(): Promise<SnapshotReport | null> {
    const startedMs = this.#clock.now();
    try {
      const snapshot = await this.#store.read();
      // Now nobody waits for it, as they would at the first save.
      this.#cache.vocabulary();
      if (snapshot === null) return null;
      await this.#cache.restore(snapshot);
      return { bytes: snapshot.length, ms: this.#clock.now() - startedMs };
    } catch (error) {
      const reason = error instanceof SnapshotError ? error.reason : (error as Error).message;
      throw new ConfigError(`Cannot load snapshot ${JSON.stringify(this.place)}: ${reason}`, {
        cause: error,
      });
    }
  }

  /**
   * Saves the cache as it is now.
   *
   * @throws RouterError when the store does not take it
   */
  save(): Promise<SnapshotReport> {
    const saved = this.#lastSave.then(() => this.#save());
    this.#lastSave = saved.catch(() => {});
    return saved;
  }

  async #save(): Promise<SnapshotReport> {
    const startedMs = this.#clock.now();
    const snapshot = await this.#cache.snapshot();
    try {
      await this.#store.write(snapshot);
    } catch (error) {
      const message = `Cannot write snapshot ${JSON.stringify(this.place)}: ${(error as Error).message}`;
      throw new RouterError(message, "snapshot_write", 500, { cause: error });
    }
    return { bytes: snapshot.length, ms: this.#clock.now() - startedMs };
  }
}
