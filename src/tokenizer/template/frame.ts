/**
 * What is known of the place that is being compiled.
 *
 * @module
 */
import { PythonError } from "./errors.ts";
import { type Activation, type Eval, reader, undefinedName, writer } from "./runtime.ts";
import { type Ref, Symbols, Unit } from "./symbols.ts";
import type { Value } from "./values.ts";

/** How a frame differs from the one around it. */
export interface FrameOptions {
  /** Default that of the frame around it. */
  readonly unit?: Unit;
  /** Whether `break` and `continue` have a loop. Default as around it, and false in a unit of its own. */
  readonly inLoop?: boolean;
}

/** A place with its names. */
export class Frame {
  readonly symbols: Symbols;
  readonly unit: Unit;
  readonly inLoop: boolean;
  /** Whether it is the template's top, or an `if` there. */
  readonly isTop: boolean;
  /** Whether it is in an `if`, where unknown filters fail only when they are used. */
  readonly isSoft: boolean;

  constructor(symbols: Symbols, { inLoop = false, isTop = false, isSoft = false } = {}) {
    this.symbols = symbols;
    this.unit = symbols.unit;
    this.inLoop = inLoop;
    this.isTop = isTop;
    this.isSoft = isSoft;
  }

  /** A frame within this one, with names of its own. */
  inner({ unit = this.unit, inLoop = unit === this.unit && this.inLoop }: FrameOptions = {}): Frame {
    return new Frame(new Symbols(unit, this.symbols), { inLoop });
  }

  /** A frame in a unit of its own. */
  innerUnit(options: { inLoop?: boolean } = {}): Frame {
    return this.inner({ ...options, unit: new Unit(this.unit) });
  }

  /** This frame within an `if`. */
  soft(): Frame {
    return new Frame(this.symbols, { inLoop: this.inLoop, isTop: this.isTop, isSoft: true });
  }

  ref(name: string): Ref {
    const ref = this.symbols.find(name);
    if (ref !== null) return ref;
    throw new PythonError(
      "TemplateSyntaxError",
      `Tried to resolve a name to a reference that was unknown to the frame ('${name}')`,
    );
  }

  /** Reads a name. */
  load(name: string): Eval {
    const read = reader(this.unit, this.ref(name));
    return (at) => {
      const value = read(at);
      return value === undefined ? undefinedName(name) : value;
    };
  }

  /** Assigns a name. */
  store(name: string): (at: Activation, value: Value | undefined) => void {
    return writer(this.unit, this.ref(name));
  }

  /** Gives the frame's variables what they begin with. */
  enter(): (at: Activation) => void {
    const steps: ((at: Activation) => void)[] = [];
    for (const [ref, load] of this.symbols.loads) {
      const { index } = ref;
      if (load.how === "resolve") steps.push((at) => at.vars[index] = at.run.resolve(load.name));
      else if (load.how === "nothing") steps.push((at) => at.vars[index] = undefined);
      else if (load.how === "alias") {
        const read = reader(this.unit, load.from);
        steps.push((at) => at.vars[index] = read(at));
      }
    }
    return (at) => {
      for (const step of steps) step(at);
    };
  }
}
