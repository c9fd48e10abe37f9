/**
 * What every template has besides its conversation: `range`, `dict`, `namespace`, `cycler`, `joiner`,
 * `raise_exception`, `strftime_now`.
 *
 * @module
 */
import { stringRepr } from "../python_repr.ts";
import { strftime } from "../python_strftime.ts";
import { PyDict, PyRange } from "./dict.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { iterate } from "./iterate.ts";
import { fromKeys } from "./methods.ts";
import { toIndex } from "./operators.ts";
import { Signature } from "./signature.ts";
import { repr, str } from "./text.ts";
import { isStr, type Kwargs, PyFunction, PyObject, PyTuple, textOf, typeName, type Value } from "./values.ts";

/** Most numbers of a `range`: the sandbox of Python has the same bound. */
const RANGE_MAX = 100_000;

/** The variables that every template has. */
export function globalsOf(now: () => Date): ReadonlyMap<string, Value> {
  return new Map<string, Value>([
    ["range", new PyFunction(rangeOf, "function")],
    ["dict", new DictType()],
    ["namespace", new PyFunction((args, kwargs) => new Namespace(dictOf(args, kwargs)), "type")],
    ["cycler", new PyFunction((items) => new Cycler(items), "type")],
    ["joiner", new PyFunction((args, kwargs) => new Joiner(JOINER.bind(args, kwargs)[0] ?? ", "), "type")],
    ["lipsum", new PyFunction(refuseLipsum, "function")],
    ["raise_exception", new PyFunction(raiseException, "function")],
    ["strftime_now", new PyFunction((args, kwargs) => timeText(now(), args, kwargs), "function")],
  ]);
}

const JOINER = new Signature("Joiner.__init__", "sep?");
const RAISE = new Signature("raise_exception", "message");
const STRFTIME = new Signature("strftime_now", "format");

/** A template's own words for what it refuses. */
function raiseException(args: readonly Value[], kwargs: Kwargs): never {
  throw new PythonError("TemplateError", str(RAISE.bind(args, kwargs)[0]!));
}

function timeText(now: Date, args: readonly Value[], kwargs: Kwargs): string {
  const [format] = STRFTIME.bind(args, kwargs);
  if (!isStr(format)) throw typeError(`strftime() argument 1 must be str, not ${typeName(format!)}`);
  return strftime(now, textOf(format));
}

/** Its text is random in Python. */
function refuseLipsum(): never {
  throw new PythonError("TemplateRuntimeError", "Cannot call lipsum: its text is random");
}

function rangeOf(args: readonly Value[], kwargs: Kwargs): Value {
  if (kwargs.size > 0) throw typeError("range() takes no keyword arguments");
  if (args.length === 0) throw typeError("range expected at least 1 argument, got 0");
  if (args.length > 3) throw typeError(`range expected at most 3 arguments, got ${args.length}`);
  const bounds = args.map((arg) => toIndex(arg));
  const [start, stop, step] = bounds.length === 1
    ? [0, bounds[0]!, 1]
    : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
  if (step === 0) throw valueError("range() arg 3 must not be zero");
  const range = new PyRange(start, stop, step);
  if (range.size > RANGE_MAX) {
    throw new PythonError(
      "OverflowError",
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${RANGE_MAX}).`,
    );
  }
  return range;
}

/** `dict(mapping, key=value)`. */
function dictOf(args: readonly Value[], kwargs: Kwargs): PyDict {
  if (args.length > 1) throw typeError(`dict expected at most 1 argument, got ${args.length}`);
  const dict = new PyDict();
  const [source] = args;
  if (source instanceof PyDict) { for (const [key, value] of source.entries()) dict.set(key, value); }
  else if (source !== undefined) fillFromPairs(dict, source);
  for (const [key, value] of kwargs) dict.setText(key, value);
  return dict;
}

function fillFromPairs(dict: PyDict, source: Value): void {
  let index = 0;
  for (const pair of iterate(source)) {
    const items = [
      ...iterate(pair, () => `cannot convert dictionary update sequence element #${index} to a sequence`),
    ];
    if (items.length !== 2) {
      throw valueError(
        `dictionary update sequence element #${index} has length ${items.length}; 2 is required`,
      );
    }
    dict.set(items[0]!, items[1]!);
    index++;
  }
}

class DictType extends PyObject {
  readonly typeName = "TemplateDict";

  override get callable(): boolean {
    return true;
  }

  override call(args: readonly Value[], kwargs: Kwargs): Value {
    return dictOf(args, kwargs);
  }

  override attribute(name: string): Value | undefined {
    return name === "fromkeys" ? new PyFunction(([keys, value]) => fromKeys(keys ?? null, value)) : undefined;
  }
}

/** Variables that loops and macros may assign: `{% set ns.found = true %}`. */
export class Namespace extends PyObject {
  readonly typeName = "TemplateNamespace";
  readonly #variables: PyDict;

  constructor(variables: PyDict) {
    super();
    for (const name of variables.keys()) checkName(name);
    this.#variables = variables;
  }

  set(name: string, value: Value): void {
    checkName(name);
    this.#variables.setText(name, value);
  }

  override attribute(name: string): Value | undefined {
    return this.#variables.getText(name);
  }

  override repr(): string {
    return `<Namespace ${repr(this.#variables)}>`;
  }
}

function checkName(name: Value): void {
  if (!isStr(name) || !textOf(name).startsWith("_")) return;
  throw new PythonError(
    "SecurityError",
    "Chat templates cannot store underscore-prefixed attributes on a namespace, but got " +
      `${stringRepr(textOf(name))}. Please rename the attribute.`,
  );
}

class Cycler extends PyObject {
  readonly typeName = "Cycler";
  readonly #items: readonly Value[];
  #position = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) throw new PythonError("RuntimeError", "at least one item has to be provided");
    this.#items = items;
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case "current":
        return this.#items[this.#position];
      case "next":
        return new PyFunction(() => this.#next(), "method");
      case "reset":
        return new PyFunction(() => this.#reset(), "method");
      case "items":
        return new PyTuple(this.#items);
      case "pos":
        return this.#position;
    }
    return undefined;
  }

  #next(): Value {
    const item = this.#items[this.#position]!;
    this.#position = (this.#position + 1) % this.#items.length;
    return item;
  }

  #reset(): null {
    this.#position = 0;
    return null;
  }
}

class Joiner extends PyObject {
  readonly typeName = "Joiner";
  readonly #separator: Value;
  #isUsed = false;

  constructor(separator: Value) {
    super();
    this.#separator = separator;
  }

  override get callable(): boolean {
    return true;
  }

  override call(): Value {
    if (this.#isUsed) return this.#separator;
    this.#isUsed = true;
    return "";
  }

  override attribute(name: string): Value | undefined {
    if (name === "sep") return this.#separator;
    return name === "used" ? this.#isUsed : undefined;
  }
}
