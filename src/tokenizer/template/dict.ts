/**
 * Python's `dict` with its views, and `range`.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import {
  Markup,
  PyFloat,
  PyIterator,
  PyObject,
  PyTuple,
  toInt,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** What a `Map` can compare in place of a value: equal for what is equal in Python (`1`, `1.0` and `True`). */
type Hash = string | number | bigint | symbol | null | undefined | PyObject;

/** The hash of a key. @throws {PythonError} when it is a list, a dict or another that can change */
export function hashOf(key: Value): Hash {
  if (typeof key === "string" || typeof key === "number" || typeof key === "bigint" || key === null) {
    return key;
  }
  if (typeof key === "boolean") return key ? 1 : 0;
  if (key instanceof Markup) return key.text;
  if (key instanceof Undefined) return undefined;
  if (key instanceof PyFloat) {
    return Number.isInteger(key.value) && !Number.isSafeInteger(key.value)
      ? BigInt(key.value)
      : key.value + 0;
  }
  if (key instanceof PyTuple) return Symbol.for(key.items.map(describeHash).join(","));
  if (key instanceof PyRange) return Symbol.for(`range ${[...key.iterate()].join(",")}`);
  if (isUnhashable(key)) throw typeError(`unhashable type: '${typeName(key)}'`);
  return key;
}

function isUnhashable(key: Value[] | PyObject): key is Value[] {
  return Array.isArray(key) || key instanceof PyDict || (key instanceof DictView && key.part !== "values");
}

/** Keeps the parts of a tuple apart: no two different parts have one description. */
function describeHash(key: Value): string {
  const hash = hashOf(key);
  if (typeof hash === "string") return JSON.stringify(hash);
  if (typeof hash === "symbol") return `(${hash.description})`;
  if (hash instanceof PyObject) throw typeError(`Cannot hash a tuple: it has a ${hash.typeName}`);
  return String(hash);
}

/** A `dict`: keys in the order of their first appearance. */
export class PyDict extends PyObject {
  readonly typeName = "dict";
  readonly #values = new Map<Hash, Value>();
  /** Keys that are not their own hash. */
  #keys: Map<Hash, Value> | null = null;

  override get size(): number {
    return this.#values.size;
  }

  /** The value of a string key. */
  getText(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Sets the value of a string key. */
  setText(key: string, value: Value): void {
    this.#values.set(key, value);
  }

  get(key: Value): Value | undefined {
    return this.#values.get(hashOf(key));
  }

  has(key: Value): boolean {
    return this.#values.has(hashOf(key));
  }

  set(key: Value, value: Value): void {
    const hash = hashOf(key);
    if (hash !== key && !this.#values.has(hash)) (this.#keys ??= new Map()).set(hash, key);
    this.#values.set(hash, value);
  }

  *keys(): Generator<Value> {
    for (const hash of this.#values.keys()) yield this.#keyOf(hash);
  }

  values(): Iterator<Value> {
    return this.#values.values();
  }

  *entries(): Generator<[Value, Value]> {
    for (const [hash, value] of this.#values) yield [this.#keyOf(hash), value];
  }

  override iterate(): Iterator<Value> {
    return this.keys();
  }

  #keyOf(hash: Hash): Value {
    const key = this.#keys?.get(hash);
    return key === undefined ? hash as Value : key;
  }
}

/** What `keys()`, `values()` and `items()` give: live, sized, not indexed. */
export class DictView extends PyObject {
  readonly typeName: string;

  constructor(readonly dict: PyDict, readonly part: "keys" | "values" | "items") {
    super();
    this.typeName = `dict_${part}`;
  }

  override get size(): number {
    return this.dict.size;
  }

  override iterate(): Iterator<Value> {
    if (this.part === "keys") return this.dict.keys();
    if (this.part === "values") return this.dict.values();
    return pairs(this.dict);
  }
}

function* pairs(dict: PyDict): Generator<Value> {
  for (const entry of dict.entries()) yield new PyTuple(entry);
}

/** An iterator over a mapping's pairs: what the filter `items` gives. */
export function itemsOf(dict: PyDict): PyIterator {
  return new PyIterator(pairs(dict));
}

/** A `range`. */
export class PyRange extends PyObject {
  readonly typeName = "range";
  readonly #length: number;

  /** `step` is not 0. */
  constructor(readonly start: number, readonly stop: number, readonly step: number) {
    super();
    this.#length = Math.max(0, Math.ceil((stop - start) / step));
  }

  override get size(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.start + index * this.step;
  }

  override *iterate(): Generator<Value> {
    for (let index = 0; index < this.#length; index++) yield this.at(index);
  }

  override repr(): string {
    const step = this.step === 1 ? "" : `, ${this.step}`;
    return `range(${this.start}, ${this.stop}${step})`;
  }
}

/** An integer of any size as one of Python. */
export function integer(value: number): number | bigint {
  return Number.isSafeInteger(value) ? value + 0 : toInt(BigInt(value));
}
