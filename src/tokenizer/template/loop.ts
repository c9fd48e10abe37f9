/**
 * The variable `loop` of a `for`.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import { iterate } from "./iterate.ts";
import { equal } from "./operators.ts";
import { type Kwargs, PyFunction, PyObject, PyTuple, Undefined, type Value } from "./values.ts";

/** Where a loop is. It reads its items one by one, ahead only when it is asked what comes next. */
export class LoopContext extends PyObject {
  readonly typeName = "LoopContext";
  readonly #sized: Value;
  readonly #recurse: ((items: Value, depth: number) => Value) | null;
  readonly #depth0: number;
  #items: Iterator<Value>;
  #length: number | null = null;
  #index0 = -1;
  #before: Value | undefined;
  #current: Value | undefined;
  #after: Value | undefined;
  #changed: PyTuple | undefined;

  constructor(iterable: Value, recurse: ((items: Value, depth: number) => Value) | null = null, depth0 = 0) {
    super();
    this.#sized = iterable;
    this.#items = iterate(iterable);
    this.#recurse = recurse;
    this.#depth0 = depth0;
  }

  /** Goes to the next item; undefined when there is none. */
  next(): Value | undefined {
    const item = this.#peek();
    if (item === undefined) return undefined;
    this.#after = undefined;
    this.#index0++;
    this.#before = this.#current;
    this.#current = item;
    return item;
  }

  #peek(): Value | undefined {
    if (this.#after === undefined) {
      const { done, value } = this.#items.next();
      this.#after = done ? undefined : value;
    }
    return this.#after;
  }

  override get size(): number {
    if (this.#length === null) this.#length = this.#sizeOf(this.#sized);
    return this.#length;
  }

  #sizeOf(value: Value): number {
    if (typeof value === "string") return Array.from(value).length;
    if (Array.isArray(value)) return value.length;
    const size = value instanceof PyObject ? value.size : null;
    if (size !== null) return size;
    const rest = [...iterateRest(this.#items)];
    this.#items = rest[Symbol.iterator]();
    return rest.length + this.#index0 + 1 + (this.#after === undefined ? 0 : 1);
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "index":
        return this.#index0 + 1;
      case "index0":
        return this.#index0;
      case "revindex":
        return this.size - this.#index0;
      case "revindex0":
        return this.size - this.#index0 - 1;
      case "first":
        return this.#index0 === 0;
      case "last":
        return this.#peek() === undefined;
      case "length":
        return this.size;
      case "depth":
        return this.#depth0 + 1;
      case "depth0":
        return this.#depth0;
      case "previtem":
        return this.#index0 === 0 ? new Undefined("there is no previous item") : this.#before;
      case "nextitem":
        return this.#next();
      case "cycle":
        return new PyFunction((items) => this.#cycle(items), "method");
      case "changed":
        return new PyFunction((values) => this.#hasChanged(values), "method");
    }
    return undefined;
  }

  #next(): Value {
    const item = this.#peek();
    return item === undefined ? new Undefined("there is no next item") : item;
  }

  #cycle(items: readonly Value[]): Value {
    if (items.length === 0) throw typeError("no items for cycling given");
    return items[this.#index0 % items.length]!;
  }

  #hasChanged(values: readonly Value[]): boolean {
    const now = new PyTuple(values);
    if (this.#changed !== undefined && equal(this.#changed, now)) return false;
    this.#changed = now;
    return true;
  }

  override get callable(): boolean {
    return true;
  }

  override call([items]: readonly Value[], _kwargs: Kwargs): Value {
    if (this.#recurse === null) {
      throw typeError("The loop must have the 'recursive' marker to be called recursively.");
    }
    return this.#recurse(items ?? null, this.#depth0 + 1);
  }

  override repr(): string {
    return `<LoopContext ${this.#index0 + 1}/${this.size}>`;
  }
}

function* iterateRest(items: Iterator<Value>): Generator<Value> {
  for (let next = items.next(); !next.done; next = items.next()) yield next.value;
}
