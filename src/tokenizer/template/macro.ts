/**
 * Macros: what `macro` and `call` blocks define.
 *
 * @module
 */
import { stringRepr } from "../python_repr.ts";
import { PyDict } from "./dict.ts";
import { typeError } from "./errors.ts";
import { type Kwargs, PyObject, PyTuple, Undefined, type Value } from "./values.ts";

/** What is known of a macro before it runs. */
export interface MacroShape {
  /** Null for the body of a `call` block. */
  readonly name: string | null;
  readonly params: readonly string[];
  /** Whether its body uses `caller`, `kwargs` and `varargs`. */
  readonly usesCaller: boolean;
  readonly usesKwargs: boolean;
  readonly usesVarargs: boolean;
}

/** What a macro is called with; undefined for parameters that are not given. */
export interface MacroArguments {
  readonly params: readonly (Value | undefined)[];
  readonly caller: Value | undefined;
  readonly kwargs: Value | undefined;
  readonly varargs: Value | undefined;
}

/** A macro, bound to where it is defined. */
export class Macro extends PyObject {
  readonly typeName = "Macro";
  readonly #shape: MacroShape;
  readonly #run: (given: MacroArguments) => string;

  constructor(shape: MacroShape, run: (given: MacroArguments) => string) {
    super();
    this.#shape = shape;
    this.#run = run;
  }

  override get callable(): boolean {
    return true;
  }

  override call(args: readonly Value[], kwargs: Kwargs): Value {
    const { params, usesCaller, usesKwargs, usesVarargs } = this.#shape;
    const rest = new Map(kwargs);
    const take = (name: string) => {
      const value = rest.get(name);
      rest.delete(name);
      return value;
    };
    const values = params.map((name, index) => index < args.length ? args[index] : take(name));
    let caller: Value | undefined;
    if (usesCaller && !params.includes("caller")) {
      const given = take("caller");
      caller = given === undefined || given === null ? new Undefined("No caller defined") : given;
    }
    if (!usesKwargs && rest.size > 0) throw this.#unexpected(rest);
    if (!usesVarargs && args.length > params.length) {
      throw typeError(`macro ${this.#name()} takes not more than ${params.length} argument(s)`);
    }
    return this.#run({
      params: values,
      caller,
      kwargs: usesKwargs ? dictOf(rest) : undefined,
      varargs: usesVarargs ? new PyTuple(args.slice(params.length)) : undefined,
    });
  }

  #unexpected(rest: Kwargs): Error {
    if (rest.has("caller")) {
      return typeError(
        `macro ${this.#name()} was invoked with two values for the special caller argument. This is most likely a bug.`,
      );
    }
    const [key] = rest.keys();
    return typeError(`macro ${this.#name()} takes no keyword argument '${key}'`);
  }

  #name(): string {
    return this.#shape.name === null ? "None" : stringRepr(this.#shape.name);
  }

  override attribute(name: string): Value | undefined {
    const { params, usesCaller, usesKwargs, usesVarargs } = this.#shape;
    switch (name) {
      case "name":
        return this.#shape.name;
      case "arguments":
        return new PyTuple(params);
      case "caller":
        return usesCaller;
      case "catch_kwargs":
        return usesKwargs;
      case "catch_varargs":
        return usesVarargs;
      case "explicit_caller":
        return params.includes("caller");
    }
    return undefined;
  }

  override repr(): string {
    return `<Macro ${this.#shape.name === null ? "anonymous" : this.#name()}>`;
  }
}

function dictOf(kwargs: Kwargs): PyDict {
  const dict = new PyDict();
  for (const [key, value] of kwargs) dict.setText(key, value);
  return dict;
}
