/**
 * Several values under one key.
 *
 * @module
 */

/** Values by key, those of one key in the order in which they came. Most keys have one value, which then needs no list. */
export class MultiMap<Key, Value extends object> {
  /** Null: the key is known, and has no value. */
  readonly #values = new Map<Key, Value | Value[] | null>();

  /** Values of a key; none when it is unknown. Not to be kept: the next `add()` may change it. */
  get(key: Key): readonly Value[] {
    const found = this.#values.get(key) ?? null;
    if (found === null) return [];
    return Array.isArray(found) ? found : [found];
  }

  /** Whether the key is known, with a value or without. */
  has(key: Key): boolean {
    return this.#values.has(key);
  }

  /** Makes a key known. */
  touch(key: Key): void {
    if (!this.#values.has(key)) this.#values.set(key, null);
  }

  /** Adds a value, which is no array. */
  add(key: Key, value: Value): void {
    const found = this.#values.get(key) ?? null;
    if (found === null) this.#values.set(key, value);
    else if (Array.isArray(found)) found.push(value);
    else this.#values.set(key, [found, value]);
  }

  /** Takes a value out, and its key with the last one. Cost: the values of the key. */
  delete(key: Key, value: Value): void {
    const left = this.get(key).filter((other) => other !== value);
    if (left.length === 0) this.#values.delete(key);
    else this.#values.set(key, left.length === 1 ? left[0]! : left);
  }

  /** Takes a key out with all its values. */
  deleteKey(key: Key): void {
    this.#values.delete(key);
  }
}
