/**
 * Numbers of JSON that JavaScript's own cannot tell apart from others: `1.0` from `1`, integers beyond 2^53.
 *
 * @module
 */

/**
 * A number by its literal. In arithmetic it is the nearest double; `JSON.stringify` gives the literal back where the
 * runtime can.
 */
export class JsonNumber {
  /** `literal` is a number as JSON writes it. */
  constructor(readonly literal: string) {}

  /** The nearest double. */
  valueOf(): number {
    return Number(this.literal);
  }

  toString(): string {
    return this.literal;
  }

  /** The literal where `JSON.rawJSON` is there, else the nearest double. */
  toJSON(): unknown {
    const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };
    return rawJSON === undefined ? this.valueOf() : rawJSON(this.literal);
  }
}

/** Whether it is written as an integer: Python makes an `int` of it, else a `float`. */
export function isIntegerLiteral(literal: string): boolean {
  return /^-?\d+$/.test(literal);
}

/**
 * Names of an object's fields in the order of the text, where it is not the order that JavaScript has: it puts names
 * such as `"10"` first. Enumerable, so that copies of the object keep it; `JSON.stringify` and `Object.keys` do not see it.
 */
export const FIELD_ORDER: unique symbol = Symbol("field order");

/** Names of an object's own fields, in the order of the text it came from. */
export function fieldNames(object: object): string[] {
  const names = Object.keys(object);
  const order = (object as { [FIELD_ORDER]?: readonly string[] })[FIELD_ORDER];
  if (order === undefined) return names;
  const left = new Set(names);
  const ordered = order.filter((name) => left.delete(name));
  return [...ordered, ...left];
}
