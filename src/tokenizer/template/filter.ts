/**
 * What a filter or test is: a function whose first argument is the value it is applied to.
 *
 * @module
 */
import { type Bound, Signature } from "./signature.ts";
import type { Kwargs, Value } from "./values.ts";

/** Runs a filter. */
export type Filter = (args: readonly Value[], kwargs: Kwargs) => Value;

/** Runs a test. */
export type Test = (args: readonly Value[], kwargs: Kwargs) => boolean;

/** A filter under its name. `params` begin with that of the value; see {@link Signature}. */
export function filter(name: string, params: string, run: (bound: Bound) => Value): [string, Filter] {
  const signature = new Signature(`do_${name}`, params);
  return [name, (args, kwargs) => run(signature.bind(args, kwargs))];
}
