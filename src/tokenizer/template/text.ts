/**
 * `str` and `repr` of every value.
 *
 * @module
 */
import { floatRepr } from "../python_float.ts";
import { stringRepr } from "../python_repr.ts";
import { DictView, PyDict } from "./dict.ts";
import { Markup, PyFloat, PyTuple, Undefined, type Value } from "./values.ts";

/** Python's `str(value)`: what printing it gives. */
export function str(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) return "";
  return repr(value);
}

/** Python's `repr(value)`: what printing a list gives of its items. */
export function repr(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "string") return stringRepr(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${reprs(value)}]`;
  if (value instanceof PyFloat) return floatRepr(value.value);
  if (value instanceof PyTuple) {
    return value.size === 1 ? `(${reprs(value.items)},)` : `(${reprs(value.items)})`;
  }
  if (value instanceof PyDict) return `{${pairs(value)}}`;
  if (value instanceof Markup) return `Markup(${stringRepr(value.text)})`;
  if (value instanceof DictView) return `${value.typeName}([${reprs([...iterated(value)])}])`;
  return value.repr();
}

function reprs(items: readonly Value[]): string {
  return items.map(repr).join(", ");
}

function pairs(dict: PyDict): string {
  const parts: string[] = [];
  for (const [key, value] of dict.entries()) parts.push(`${repr(key)}: ${repr(value)}`);
  return parts.join(", ");
}

function* iterated(view: DictView): Generator<Value> {
  const items = view.iterate();
  for (let next = items.next(); !next.done; next = items.next()) yield next.value;
}
