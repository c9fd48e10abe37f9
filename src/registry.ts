/**
 * Components by name: how plugins reach the tokenizer, the trie, the metrics, and each other.
 *
 * @module
 */
import { ComponentNotFoundError } from "./errors.ts";

/** Ends a component's life. A promise is awaited by {@link ComponentRegistry.settled}. */
export type OnDestroy<T = unknown> = (instance: T) => void | Promise<void>;

/** What a registry holds and has done. */
export interface ComponentRegistryStats {
  /** Components registered now. */
  readonly components: number;
  /** Their names, in order of registration. */
  readonly names: readonly string[];
  /** Registrations so far, replacements included. */
  readonly registered: number;
  /** Components that were replaced, removed or cleared so far. */
  readonly destroyed: number;
  /** Those among them whose `onDestroy` failed. */
  readonly destroyErrors: number;
}

interface Entry {
  readonly instance: unknown;
  readonly onDestroy: OnDestroy | undefined;
}

/**
 * Named components and their ends of life. Conventional names: `tokenizer`, `radix_tree`, `metrics`, `cache`, `logger`.
 *
 * A component is destroyed once: when its name is registered anew, removed, or the registry cleared. An `onDestroy` that
 * fails never keeps the others from running; what it threw is told afterwards.
 *
 * @example
 * ```ts
 * import { ComponentRegistry } from "@slime/router";
 *
 * const registry = new ComponentRegistry();
 * registry.register("greeter", { greet: (name: string) => `Hello ${name}` });
 * const greeter = registry.get<{ greet(name: string): string }>("greeter");
 * if (greeter.greet("you") !== "Hello you") throw new Error("unreachable");
 * ```
 */
export class ComponentRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #ending = new Set<Promise<void>>();
  readonly #lateErrors: unknown[] = [];
  #registered = 0;
  #destroyed = 0;
  #destroyErrors = 0;

  /**
   * Registers a component; a known name's old component is destroyed, then replaced.
   *
   * @param name not empty
   * @param instance anything but null and undefined
   * @param onDestroy called with the instance at the end of its life
   * @throws TypeError when name, instance or `onDestroy` has the wrong shape: nothing has changed.
   *   What the old component's `onDestroy` throws: the new one stands nevertheless
   */
  register<T>(name: string, instance: T, onDestroy?: OnDestroy<T>): void {
    assertName(name);
    if (instance === null || instance === undefined) {
      throw new TypeError(`Cannot register component "${name}": instance is ${instance}`);
    }
    if (onDestroy !== undefined && typeof onDestroy !== "function") {
      throw new TypeError(`Cannot register component "${name}": onDestroy must be a function`);
    }
    const old = this.#entries.get(name);
    const errors: unknown[] = [];
    if (old) this.#destroy(old, errors);
    this.#entries.set(name, { instance, onDestroy: onDestroy as OnDestroy | undefined });
    this.#registered++;
    throwAll(errors, `Cannot destroy the former component "${name}"`);
  }

  /**
   * The component of that name. The caller names its type: the registry cannot check it.
   *
   * @throws ComponentNotFoundError which lists what there is
   */
  get<T = unknown>(name: string): T {
    const entry = this.#entries.get(name);
    if (entry) return entry.instance as T;
    const names = this.list().map((known) => `"${known}"`).join(", ");
    throw new ComponentNotFoundError(
      `Cannot get component "${name}": not registered; there is ${names || "none"}`,
    );
  }

  /** Whether a component of that name is registered. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Destroys the component of that name.
   *
   * @returns whether there was one
   * @throws what its `onDestroy` throws; the component is gone nevertheless
   */
  remove(name: string): boolean {
    const entry = this.#entries.get(name);
    if (!entry) return false;
    this.#entries.delete(name);
    const errors: unknown[] = [];
    this.#destroy(entry, errors);
    throwAll(errors, `Cannot destroy component "${name}"`);
    return true;
  }

  /** Names in order of registration. */
  list(): string[] {
    return [...this.#entries.keys()];
  }

  /**
   * Destroys all components, the youngest first: later ones may lean on earlier ones.
   *
   * @throws what an `onDestroy` threw, or an AggregateError of several; the registry is empty nevertheless
   */
  clear(): void {
    const entries = [...this.#entries.values()].reverse();
    this.#entries.clear();
    const errors: unknown[] = [];
    for (const entry of entries) this.#destroy(entry, errors);
    throwAll(errors, "Cannot destroy components");
  }

  /**
   * Waits until every asynchronous `onDestroy` begun so far has ended.
   *
   * @throws what one rejected with since the last call, or an AggregateError of several
   */
  async settled(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
    throwAll(this.#lateErrors.splice(0), "Cannot destroy components");
  }

  /** What is registered and what was destroyed so far. */
  stats(): ComponentRegistryStats {
    return {
      components: this.#entries.size,
      names: this.list(),
      registered: this.#registered,
      destroyed: this.#destroyed,
      destroyErrors: this.#destroyErrors,
    };
  }

  #destroy(entry: Entry, errors: unknown[]): void {
    this.#destroyed++;
    try {
      const ending = entry.onDestroy?.(entry.instance);
      if (ending instanceof Promise) this.#await(ending);
    } catch (error) {
      this.#destroyErrors++;
      errors.push(error);
    }
  }

  #await(ending: Promise<void>): void {
    const ended = ending
      .catch((error) => {
        this.#destroyErrors++;
        this.#lateErrors.push(error);
      })
      .finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

function assertName(name: unknown): asserts name is string {
  if (typeof name === "string" && name !== "") return;
  const received = typeof name === "string" ? '""' : String(name);
  throw new TypeError(`Cannot register component: name must be a non-empty string, received ${received}`);
}

function throwAll(errors: readonly unknown[], message: string): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    throw new AggregateError(errors, `${message}: ${errors.length} of their onDestroy failed`);
  }
}
