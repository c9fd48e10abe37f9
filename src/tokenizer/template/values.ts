/**
 * Python's values as a template sees them.
 *
 * | Python | here |
 * |---|---|
 * | `None` | `null` |
 * | `bool` | `boolean` |
 * | `int` | `number` when safe, else `bigint`: never both for one value |
 * | `float` | {@link PyFloat}, so that `1.0` is not `1` |
 * | `str` | `string`; lengths and indices count code points |
 * | `list` | array; templates cannot change it |
 * | everything else | a {@link PyObject} |
 *
 * JavaScript's `undefined` is no value: it says "not given" or "not there".
 *
 * @module
 */
import { PythonError, typeError } from "./errors.ts";

/** Any value of a template. */
export type Value = null | boolean | number | bigint | string | Value[] | PyObject;

/** Keyword arguments of a call. */
export type Kwargs = ReadonlyMap<string, Value>;

/** No keyword arguments. */
export const NO_KWARGS: Kwargs = new Map();

/** What an object can do; the defaults are those of an `object` that can do nothing. */
export abstract class PyObject {
  /** Name of its type in Python, as error messages have it. */
  abstract readonly typeName: string;

  /** Its attribute, or undefined when there is none. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }

  /** A fresh iterator, or null when it is not iterable. */
  iterate(): Iterator<Value> | null {
    return null;
  }

  /** Number of its items, or null when it has no length. */
  get size(): number | null {
    return null;
  }

  /** Calls it. */
  call(_args: readonly Value[], _kwargs: Kwargs): Value {
    throw typeError(`'${this.typeName}' object is not callable`);
  }

  /** Whether {@link call} does anything. */
  get callable(): boolean {
    return false;
  }

  /** Python's `repr`. Objects without one of their own are refused: Python prints their address. */
  repr(): string {
    throw typeError(`Cannot print a ${this.typeName}: its text in Python is an address in memory`);
  }
}

/** A `float`. */
export class PyFloat extends PyObject {
  readonly typeName = "float";

  constructor(readonly value: number) {
    super();
  }
}

/** A `tuple`. */
export class PyTuple extends PyObject {
  readonly typeName = "tuple";

  /** `names` are those of a named tuple's fields. */
  constructor(readonly items: readonly Value[], readonly names: readonly string[] = []) {
    super();
  }

  override attribute(name: string): Value | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.items[index];
  }

  override iterate(): Iterator<Value> {
    return this.items[Symbol.iterator]();
  }

  override get size(): number {
    return this.items.length;
  }
}

/** A `str` that is marked as safe HTML: what the filters `safe` and `escape` give. */
export class Markup extends PyObject {
  readonly typeName = "Markup";

  constructor(readonly text: string) {
    super();
  }

  override iterate(): Iterator<Value> {
    return this.text[Symbol.iterator]();
  }
}

/** Jinja's lenient undefined: it prints as nothing, is false and empty, and fails on everything else. */
export class Undefined extends PyObject {
  readonly typeName = "Undefined";

  readonly #message: string | (() => string);

  /** `message` is what using it says: templates ask for what is not there in every turn, and most never use it; `kind` the exception that Python raises. */
  constructor(
    message: string | (() => string),
    readonly kind: "UndefinedError" | "SecurityError" = "UndefinedError",
  ) {
    super();
    this.#message = message;
  }

  get message(): string {
    return typeof this.#message === "string" ? this.#message : this.#message();
  }

  override iterate(): Iterator<Value> {
    return [][Symbol.iterator]();
  }

  override get size(): number {
    return 0;
  }

  override get callable(): boolean {
    return true;
  }

  override call(): Value {
    throw this.error();
  }

  override repr(): string {
    return "Undefined";
  }

  /** What any use of it raises. */
  error(): PythonError {
    return new PythonError(this.kind, this.message);
  }
}

/** Something that gives values once: a generator, a reversed list, and others. */
export class PyIterator extends PyObject {
  readonly #source: Iterator<Value>;

  constructor(source: Iterator<Value>, readonly typeName = "generator") {
    super();
    this.#source = source;
  }

  override iterate(): Iterator<Value> {
    return this.#source;
  }
}

/** A function of the engine. */
export class PyFunction extends PyObject {
  readonly #run: (args: readonly Value[], kwargs: Kwargs) => Value;

  constructor(
    run: (args: readonly Value[], kwargs: Kwargs) => Value,
    readonly typeName = "builtin_function_or_method",
  ) {
    super();
    this.#run = run;
  }

  override get callable(): boolean {
    return true;
  }

  override call(args: readonly Value[], kwargs: Kwargs): Value {
    return this.#run(args, kwargs);
  }
}

/** Whether it is a `str` of Python: a string or {@link Markup}. */
export function isStr(value: Value | undefined): value is string | Markup {
  return typeof value === "string" || value instanceof Markup;
}

/** Characters of a `str`. */
export function textOf(value: string | Markup): string {
  return typeof value === "string" ? value : value.text;
}

/** Whether it is an `int` of Python: `True` and `False` are too. */
export function isInt(value: Value | undefined): value is number | bigint | boolean {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
}

/** Whether it is an `int` or a `float`. */
export function isNumber(value: Value | undefined): value is number | bigint | boolean | PyFloat {
  return isInt(value) || value instanceof PyFloat;
}

/** Name of its type in Python. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number" || typeof value === "bigint") return "int";
  return Array.isArray(value) ? "list" : value.typeName;
}

/** An integer in its one form: a number when safe, else a bigint. */
export function toInt(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
