/**
 * All filters, among them those that apply other filters and tests to each item.
 *
 * @module
 */
import { getterOf } from "./attribute_path.ts";
import { stringRepr } from "../python_repr.ts";
import { PythonError } from "./errors.ts";
import type { Filter } from "./filter.ts";
import { ITEM_FILTERS } from "./filters_items.ts";
import { TEXT_FILTERS } from "./filters_text.ts";
import { iterate } from "./iterate.ts";
import { truthy } from "./operators.ts";
import { knowFilters, TESTS } from "./tests.ts";
import { str } from "./text.ts";
import { type Kwargs, PyIterator, type Value } from "./values.ts";

/** Filters whose results Python does not fix, or whose layout is its own. */
const REFUSED = ["random", "urlize", "wordwrap"];

/** Every filter that a template may name. */
export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ...ITEM_FILTERS,
  ...TEXT_FILTERS,
  ["map", (args, kwargs) => new PyIterator(map(args, kwargs))],
  ["select", (args, kwargs) => new PyIterator(select(args, kwargs, { byAttribute: false, keeps: true }))],
  ["reject", (args, kwargs) => new PyIterator(select(args, kwargs, { byAttribute: false, keeps: false }))],
  ["selectattr", (args, kwargs) => new PyIterator(select(args, kwargs, { byAttribute: true, keeps: true }))],
  ["rejectattr", (args, kwargs) => new PyIterator(select(args, kwargs, { byAttribute: true, keeps: false }))],
  ...REFUSED.map((name): [string, Filter] => [name, () => refuse(name)]),
]);

function refuse(name: string): never {
  throw new PythonError(
    "TemplateRuntimeError",
    `Cannot apply the filter ${stringRepr(name)}: it is not supported`,
  );
}

function* map([value, ...args]: readonly Value[], kwargs: Kwargs): Generator<Value> {
  if (!truthy(value!)) return;
  const run = mapper(args, kwargs);
  for (const item of iterate(value!)) yield run(item);
}

function mapper(args: readonly Value[], kwargs: Kwargs): (item: Value) => Value {
  const attribute = kwargs.get("attribute");
  if (args.length === 0 && attribute !== undefined) {
    for (const key of kwargs.keys()) {
      if (key !== "attribute" && key !== "default") {
        throw argumentError(`Unexpected keyword argument '${key}'`);
      }
    }
    return getterOf(attribute, kwargs.get("default") ?? null);
  }
  const [name, ...rest] = args;
  if (name === undefined) throw argumentError("map requires a filter argument");
  const found = FILTERS.get(str(name));
  if (found === undefined) {
    throw new PythonError("TemplateRuntimeError", `No filter named ${stringRepr(str(name))}.`);
  }
  return (item) => found([item, ...rest], kwargs);
}

function* select(
  [value, ...args]: readonly Value[],
  kwargs: Kwargs,
  { byAttribute, keeps }: { byAttribute: boolean; keeps: boolean },
): Generator<Value> {
  if (!truthy(value!)) return;
  const passes = selector(args, kwargs, byAttribute);
  for (const item of iterate(value!)) if (passes(item) === keeps) yield item;
}

function selector(args: readonly Value[], kwargs: Kwargs, byAttribute: boolean): (item: Value) => boolean {
  const [attribute, ...others] = args;
  if (byAttribute && attribute === undefined) throw argumentError("Missing parameter for attribute name");
  const getter = byAttribute ? getterOf(attribute) : (item: Value) => item;
  const [name, ...rest] = byAttribute ? others : args;
  if (name === undefined) return (item) => truthy(getter(item));
  const test = TESTS.get(str(name));
  if (test === undefined) {
    throw new PythonError("TemplateRuntimeError", `No test named ${stringRepr(str(name))}.`);
  }
  return (item) => test([getter(item), ...rest], kwargs);
}

function argumentError(message: string): PythonError {
  return new PythonError("FilterArgumentError", message);
}

knowFilters((name) => FILTERS.has(name));
