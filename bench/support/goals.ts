/**
 * What a benchmark is to reach, beside what it measured.
 *
 * @module
 */
import { figure, printTable } from "./print.ts";

interface Goal {
  readonly name: string;
  readonly bound: number;
  readonly least: boolean;
  readonly digits: number;
  measured: number | null;
}

/** Goals in the order in which they were set. What is never measured is told as that. */
export class Goals {
  readonly #goals: Goal[] = [];

  /** What is measured should be `bound` or more; printed with `digits` decimals. */
  atLeast(name: string, bound: number, digits = 0): void {
    this.#goals.push({ name, bound, least: true, digits, measured: null });
  }

  /** What is measured should be `bound` or less; printed with `digits` decimals. */
  atMost(name: string, bound: number, digits = 0): void {
    this.#goals.push({ name, bound, least: false, digits, measured: null });
  }

  /** Notes what was measured for a goal. Throws `Error` when there is none of that name. */
  measured(name: string, value: number): void {
    const goal = this.#goals.find((one) => one.name === name);
    if (goal === undefined) throw new Error(`Cannot note ${value}: there is no goal "${name}"`);
    goal.measured = value;
  }

  /** Prints goal, measured, met or not. */
  print(): void {
    printTable(
      ["goal", "bound", "measured", "met"],
      this.#goals.map(({ name, bound, least, digits, measured }) => {
        const met = measured === null
          ? "not measured"
          : (least ? measured >= bound : measured <= bound)
          ? "yes"
          : "NO";
        return [name, `${least ? "≥" : "≤"} ${figure(bound, digits)}`, figure(measured, digits), met];
      }),
    );
  }
}
