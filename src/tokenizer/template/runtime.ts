/**
 * The state of a template that runs.
 *
 * @module
 */
import type { Ref, Unit } from "./symbols.ts";
import { Undefined, type Value } from "./values.ts";

/** What the template has printed. */
export class Output {
  text = "";
}

/** One render: its variables from outside, and those assigned at the top. */
export class Run {
  readonly #given: ReadonlyMap<string, Value>;
  readonly #globals: ReadonlyMap<string, Value>;
  /** What the top of the template has assigned: blocks see it. */
  readonly assigned = new Map<string, Value | undefined>();

  constructor(given: ReadonlyMap<string, Value>, globals: ReadonlyMap<string, Value>) {
    this.#given = given;
    this.#globals = globals;
  }

  /** A variable that no frame of the template has; undefined when there is none. */
  resolve(name: string): Value | undefined {
    if (this.assigned.has(name)) return this.assigned.get(name);
    const given = this.#given.get(name);
    return given === undefined ? this.#globals.get(name) : given;
  }
}

/** The variables of a unit while it runs. */
export class Activation {
  readonly vars: (Value | undefined)[];

  constructor(unit: Unit, readonly parent: Activation | null, readonly run: Run) {
    this.vars = new Array(unit.size).fill(undefined);
  }
}

/** How a statement ended. */
export const NEXT = 0;
export const BREAK = 1;
export const CONTINUE = 2;

/** Gives the value of an expression. */
export type Eval = (at: Activation) => Value;
/** Runs a statement. */
export type Exec = (at: Activation, out: Output) => typeof NEXT | typeof BREAK | typeof CONTINUE;

/** Where a variable of `ref` is for code that runs in `unit`. */
export function reader(unit: Unit, { unit: owner, index }: Ref): (at: Activation) => Value | undefined {
  const hops = unit.depth - owner.depth;
  if (hops === 0) return (at) => at.vars[index];
  if (hops === 1) return (at) => at.parent!.vars[index];
  return (at) => outer(at, hops).vars[index];
}

/** Assigns a variable of `ref` from code that runs in `unit`. */
export function writer(
  unit: Unit,
  { unit: owner, index }: Ref,
): (at: Activation, value: Value | undefined) => void {
  const hops = unit.depth - owner.depth;
  return (at, value) => {
    outer(at, hops).vars[index] = value;
  };
}

function outer(at: Activation, hops: number): Activation {
  let found = at;
  for (let hop = 0; hop < hops; hop++) found = found.parent!;
  return found;
}

/** What a name without a variable is. */
export function undefinedName(name: string): Undefined {
  return new Undefined(`'${name}' is undefined`);
}
