/**
 * Binds the arguments of a call to the parameters of a Python function.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import type { Kwargs, Value } from "./values.ts";

/** What a function gets for each of its parameters; undefined for one that is not given. */
export type Bound = readonly (Value | undefined)[];

/** Parameters of a function. */
export class Signature {
  readonly #params: readonly string[];
  readonly #required: number;
  readonly #positionalOnly: boolean;

  /** `params` are names, those with `?` optional; `/` in front: none can be given by its name. */
  constructor(readonly name: string, params: string) {
    this.#positionalOnly = params.startsWith("/");
    const names = params.replace("/", "").split(" ").filter((param) => param !== "");
    this.#required = names.filter((param) => !param.endsWith("?")).length;
    this.#params = names.map((param) => param.replace("?", ""));
  }

  /** @throws {PythonError} when arguments are missing or too many */
  bind(args: readonly Value[], kwargs: Kwargs): Bound {
    if (args.length > this.#params.length) throw this.#count(args.length);
    const bound: (Value | undefined)[] = [...args];
    for (const [key, value] of kwargs) {
      const index = this.#positionalOnly ? -1 : this.#params.indexOf(key);
      if (this.#positionalOnly) throw typeError(`${this.name}() takes no keyword arguments`);
      if (index < 0) throw typeError(`${this.name}() got an unexpected keyword argument '${key}'`);
      if (bound[index] !== undefined) {
        throw typeError(`${this.name}() got multiple values for argument '${key}'`);
      }
      bound[index] = value;
    }
    for (let index = 0; index < this.#required; index++) {
      if (bound[index] === undefined) throw this.#missing(bound);
    }
    return bound;
  }

  #count(given: number): Error {
    const most = this.#params.length;
    if (most === 0) return typeError(`${this.name}() takes no arguments (${given} given)`);
    if (this.#positionalOnly && most === this.#required) {
      return typeError(
        `${this.name}() takes exactly ${words(most)} argument${most === 1 ? "" : "s"} (${given} given)`,
      );
    }
    return typeError(
      this.#positionalOnly
        ? `${this.name}() takes at most ${most} argument${most === 1 ? "" : "s"} (${given} given)`
        : `${this.name}() takes ${most} positional arguments but ${given} were given`,
    );
  }

  #missing(bound: Bound): Error {
    const missing = this.#params.slice(0, this.#required).filter((_, index) => bound[index] === undefined);
    if (this.#positionalOnly) {
      return typeError(
        `${this.name}() takes at least ${words(this.#required)} argument${this.#required === 1 ? "" : "s"}`,
      );
    }
    const names = missing.map((name) => `'${name}'`).join(missing.length > 2 ? ", " : " and ");
    return typeError(
      `${this.name}() missing ${missing.length} required positional argument${
        missing.length === 1 ? "" : "s"
      }: ${names}`,
    );
  }
}

function words(count: number): string {
  return count === 1 ? "one" : String(count);
}
