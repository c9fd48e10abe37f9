/**
 * Names of scopes as the core knows them: small numbers, given out again when no segment has them any more.
 *
 * @module
 */

/** Look-ups: any scope will do. */
export const ANY_SCOPE = 0;
/** Segments: nothing was sampled. */
export const SCOPE_NONE = 0;
/** Segments: sampled without a session. */
export const SCOPE_UNNAMED = 1;
/** Look-ups: a scope that no segment has. */
const UNKNOWN_SCOPE = 0xffff_ffff;
const FIRST_ID = 3;
const SWEEP_MIN = 1_024;

/** Ids of the scopes in use. */
export class ScopeIds {
  readonly #ids = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #segmentsOf: (id: number) => number;
  #sweepAt = SWEEP_MIN;

  /** `segmentsOf` tells how many segments have a scope. */
  constructor(segmentsOf: (id: number) => number) {
    this.#segmentsOf = segmentsOf;
  }

  /** Scopes and ids as `restore` takes them. */
  tables(): { scopes: [string, number][]; freeScopeIds: number[] } {
    return { scopes: [...this.#ids], freeScopeIds: [...this.#free] };
  }

  /** Takes over what `tables` gave. For a trie that has no scopes yet. */
  restore(scopes: readonly (readonly [string, number])[], freeScopeIds: readonly number[]): this {
    for (const [scope, id] of scopes) this.#ids.set(scope, id);
    for (const id of freeScopeIds) this.#free.push(id);
    this.#sweepAt = Math.max(SWEEP_MIN, scopes.length * 2);
    return this;
  }

  /** The id to look up with. */
  find(scope: string | undefined): number {
    return scope === undefined ? ANY_SCOPE : this.#ids.get(scope) ?? UNKNOWN_SCOPE;
  }

  /** The id of `scope`, which may be new. */
  intern(scope: string): number {
    const known = this.#ids.get(scope);
    if (known !== undefined) return known;
    if (this.#ids.size >= this.#sweepAt) this.#sweep();
    const id = this.#free.pop() ?? FIRST_ID + this.#ids.size;
    this.#ids.set(scope, id);
    return id;
  }

  /** Forgets scopes without segments. Waits for their number to double, so that a call costs O(1) in the mean. */
  #sweep(): void {
    for (const [scope, id] of this.#ids) {
      if (this.#segmentsOf(id) > 0) continue;
      this.#ids.delete(scope);
      this.#free.push(id);
    }
    this.#sweepAt = Math.max(SWEEP_MIN, this.#ids.size * 2);
  }
}
