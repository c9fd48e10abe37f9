/**
 * Compiles what is assigned to: a name, `ns.attribute`, or several of them.
 *
 * @module
 */
import type { Expr } from "./ast.ts";
import { PythonError, valueError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { Namespace } from "./globals.ts";
import { iterate } from "./iterate.ts";
import type { Activation, Eval } from "./runtime.ts";
import { typeName, type Value } from "./values.ts";

/** Assigns a value. */
export type Store = (at: Activation, value: Value) => void;

/** An assignment: `check` comes before the value is computed. */
export interface Assigner {
  readonly check: (at: Activation) => void;
  readonly store: Store;
}

/** Compiles the target of an assignment. */
export function assigner(target: Expr, frame: Frame): Assigner {
  const namespaces: Eval[] = [];
  const store = compileTarget(target, frame, namespaces);
  const check = (at: Activation) => {
    for (const namespace of namespaces) asNamespace(namespace(at));
  };
  return { check, store };
}

function asNamespace(value: Value): Namespace {
  if (value instanceof Namespace) return value;
  throw new PythonError("TemplateRuntimeError", "cannot assign attribute on non-namespace object");
}

function compileTarget(target: Expr, frame: Frame, namespaces: Eval[]): Store {
  if (target.type === "name") return compileName(target.name, frame);
  if (target.type === "namespace_ref") {
    const namespace = frame.load(target.name);
    namespaces.push(namespace);
    return (at, value) => asNamespace(namespace(at)).set(target.attribute, value);
  }
  if (target.type !== "tuple") {
    throw new PythonError("TemplateSyntaxError", `can't assign to '${target.type}'`);
  }
  const stores = target.items.map((item) => compileTarget(item, frame, namespaces));
  return (at, value) => {
    const values = unpack(value, stores.length);
    stores.forEach((store, index) => store(at, values[index]!));
  };
}

function compileName(name: string, frame: Frame): Store {
  const store = frame.store(name);
  if (!frame.isTop) return store;
  return (at, value) => {
    at.run.assigned.set(name, value);
    store(at, value);
  };
}

function unpack(value: Value, count: number): Value[] {
  const items = iterate(value, () => `cannot unpack non-iterable ${typeName(value)} object`);
  const values: Value[] = [];
  for (const item of items) {
    if (values.length === count) throw valueError(`too many values to unpack (expected ${count})`);
    values.push(item);
  }
  if (values.length === count) return values;
  throw valueError(`not enough values to unpack (expected ${count}, got ${values.length})`);
}
