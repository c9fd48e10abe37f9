/**
 * How templates reach into values: `value.name`, `value[key]` and slices, in the sandbox that `transformers` sets up.
 *
 * @module
 */
import { stringRepr } from "../python_repr.ts";
import { codePoints } from "./code_points.ts";
import { hashOf, PyDict, PyRange } from "./dict.ts";
import { typeError, valueError } from "./errors.ts";
import { isMutator, isPrivate, methodOf } from "./methods.ts";
import { toBig } from "./numbers.ts";
import { repr } from "./text.ts";
import { isInt, isStr, Markup, PyTuple, textOf, typeName, Undefined, type Value } from "./values.ts";

/** `value.name`: its attribute, else its item. */
export function getAttribute(value: Value, name: string): Value {
  if (value instanceof Undefined) throw value.error();
  const attribute = attributeOf(value, name);
  if (attribute !== undefined) return attribute;
  const item = itemOf(value, name);
  return item === undefined ? absent(value, name) : item;
}

/** `value[key]`: its item, else its attribute. */
export function getItem(value: Value, key: Value): Value {
  if (value instanceof Undefined) throw value.error();
  const attribute = () => isStr(key) ? attributeOf(value, textOf(key)) : undefined;
  return given(itemOf(value, key), () => given(attribute(), () => absent(value, key)));
}

/** Only the attribute: the filter `attr`. */
export function getOnlyAttribute(value: Value, name: string): Value {
  if (value instanceof Undefined) throw value.error();
  return given(attributeOf(value, name), () => absent(value, name));
}

/** `None` is a value: only what is not there falls back. */
function given(value: Value | undefined, fallback: () => Value): Value {
  return value === undefined ? fallback() : value;
}

function attributeOf(value: Value, name: string): Value | undefined {
  if (isPrivate(name) || isMutator(value, name)) return unsafe(value, name);
  return methodOf(value, name);
}

/** What the sandbox keeps away: it says so when it is used. */
function unsafe(value: Value, name: string): Undefined {
  return new Undefined(
    `access to attribute ${stringRepr(name)} of ${stringRepr(typeName(value))} object is unsafe.`,
    "SecurityError",
  );
}

/** What is not there, with a message that tells of what. */
function absent(value: Value, key: Value): Undefined {
  return new Undefined(() => {
    const owner = value === null ? "None" : `${MODULES[typeName(value)] ?? ""}${typeName(value)} object`;
    return typeof key === "string"
      ? `${stringRepr(owner)} has no attribute ${stringRepr(key)}`
      : `${owner} has no element ${repr(key)}`;
  });
}

const MODULES: Readonly<Record<string, string>> = {
  Markup: "markupsafe.",
  LoopContext: "jinja2.runtime.",
  Macro: "jinja2.runtime.",
  Cycler: "jinja2.utils.",
  Joiner: "jinja2.utils.",
  TemplateNamespace: "transformers.utils.chat_template_utils.",
};

function itemOf(value: Value, key: Value): Value | undefined {
  if (value instanceof PyDict) {
    if (typeof key === "string") return value.getText(key);
    return isHashable(key) ? value.get(key) : undefined;
  }
  if (!isInt(key)) return undefined;
  const index = Number(toBig(key));
  if (Array.isArray(value)) return value.at(index);
  if (value instanceof PyTuple) return value.items.at(index);
  if (value instanceof PyRange) return rangeItem(value, index);
  if (!isStr(value)) return undefined;
  const points = codePoints(textOf(value));
  const char = points.at(index);
  return value instanceof Markup && char !== undefined ? new Markup(char) : char;
}

function isHashable(key: Value): boolean {
  try {
    hashOf(key);
    return true;
  } catch {
    return false;
  }
}

function rangeItem(range: PyRange, index: number): Value | undefined {
  const at = index < 0 ? index + range.size : index;
  return at < 0 || at >= range.size ? undefined : range.at(at);
}

/** `value[start:stop:step]`; null is a bound that is left out. */
export function slice(value: Value, start: Value, stop: Value, step: Value): Value {
  if (Array.isArray(value)) return pick(value, start, stop, step);
  if (value instanceof PyTuple) return new PyTuple(pick(value.items, start, stop, step));
  if (typeof value === "string") return sliceText(value, start, stop, step);
  if (value instanceof Markup) return new Markup(sliceText(value.text, start, stop, step));
  if (value instanceof PyRange) {
    const [first, last, by] = bounds(value.size, start, stop, step);
    return new PyRange(value.at(first), value.at(last), value.step * by);
  }
  if (value instanceof Undefined) throw value.error();
  if (value instanceof PyDict) throw typeError("unhashable type: 'slice'");
  throw typeError(`'${typeName(value)}' object is not subscriptable`);
}

function sliceText(text: string, start: Value, stop: Value, step: Value): string {
  const points = codePoints(text);
  if (typeof points !== "string") return pick(points, start, stop, step).join("");
  const [first, last, by] = bounds(points.length, start, stop, step);
  if (by === 1) return points.slice(first, last);
  return pick(Array.from(points), start, stop, step).join("");
}

function pick<T>(items: readonly T[], start: Value, stop: Value, step: Value): T[] {
  const [first, last, by] = bounds(items.length, start, stop, step);
  if (by === 1) return items.slice(first, last);
  const picked: T[] = [];
  for (let index = first; by > 0 ? index < last : index > last; index += by) picked.push(items[index]!);
  return picked;
}

/** A slice's indices into something of this length, as Python's `slice.indices`. */
function bounds(length: number, start: Value, stop: Value, step: Value): [number, number, number] {
  const by = sliceIndex(step) ?? 1;
  if (by === 0) throw valueError("slice step cannot be zero");
  const lowest = by > 0 ? 0 : -1;
  const highest = by > 0 ? length : length - 1;
  const clamp = (index: number) => Math.min(Math.max(index < 0 ? index + length : index, lowest), highest);
  const from = sliceIndex(start);
  const to = sliceIndex(stop);
  const first = from === null ? (by > 0 ? lowest : highest) : clamp(from);
  const last = to === null ? (by > 0 ? highest : lowest) : clamp(to);
  return [first, by > 0 ? Math.max(first, last) : last, by];
}

function sliceIndex(value: Value): number | null {
  if (value === null) return null;
  if (isInt(value)) return Number(toBig(value));
  throw typeError("slice indices must be integers or None or have an __index__ method");
}
