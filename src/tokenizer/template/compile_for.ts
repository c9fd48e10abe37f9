/**
 * Compiles loops.
 *
 * @module
 */
import type { Expr, ForNode } from "./ast.ts";
import { compileExpression } from "./compile_expression.ts";
import { compileBody } from "./compile_statement.ts";
import { assigner, type Store } from "./compile_target.ts";
import { PythonError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { iterate } from "./iterate.ts";
import { LoopContext } from "./loop.ts";
import { truthy } from "./operators.ts";
import { Activation, BREAK, CONTINUE, type Exec, NEXT, Output } from "./runtime.ts";
import { findUndeclared, trackAll, trackExpression } from "./symbols.ts";
import { PyIterator, type Value } from "./values.ts";

/** Items of a loop as its test leaves them. */
type Filtered = (at: Activation, items: Value) => Value;

/** Runs a loop over items; `recurse` and `depth` are those of a recursive one. */
type Loop = (
  at: Activation,
  out: Output,
  items: Value,
  recurse: ((items: Value, depth: number) => Value) | null,
  depth: number,
) => void;

/** A function that runs a `for`. */
export function compileFor(node: ForNode, frame: Frame): Exec {
  refuseLoopAssignment(node);
  const items = compileExpression(node.iterable, frame);
  const filtered = compileTest(node, frame);
  if (!node.recursive) {
    const run = compileLoop(node, frame);
    return (at, out) => {
      run(at, out, filtered(at, items(at)), null, 0);
      return NEXT;
    };
  }
  const unitFrame = frame.innerUnit();
  const run = compileLoop(node, unitFrame);
  return (at, out) => {
    const recurse = (values: Value, depth: number): string => {
      const inner = new Output();
      run(new Activation(unitFrame.unit, at, at.run), inner, filtered(at, values), recurse, depth);
      return inner.text;
    };
    out.text += recurse(items(at), 0);
    return NEXT;
  };
}

function refuseLoopAssignment({ body, otherwise, target }: ForNode): void {
  const assignsLoop = (node: unknown): boolean => {
    if (node === null || typeof node !== "object") return false;
    const { type, name, use } = node as { type?: string; name?: string; use?: string };
    if (type === "name" && name === "loop" && use === "store") return true;
    return Object.values(node).some(assignsLoop);
  };
  if ([target, ...body, ...otherwise].some(assignsLoop)) {
    throw new PythonError("TemplateSyntaxError", "Can't assign to special loop variable in for-loop target");
  }
}

/** The test sees the loop's target and what is around the loop; it is asked only when an item is wanted. */
function compileTest({ target, test }: ForNode, frame: Frame): Filtered {
  if (test === null) return (_at, items) => items;
  const inner = frame.innerUnit();
  trackExpression(inner.symbols, target, true);
  trackExpression(inner.symbols, test);
  const { store } = assigner(target, inner);
  const is = compileExpression(test, inner);
  const enter = inner.enter();
  function* passing(at: Activation, items: Iterable<Value>): Generator<Value> {
    enter(at);
    for (const item of items) {
      store(at, item);
      if (truthy(is(at))) yield item;
    }
  }
  return (at, items) => new PyIterator(passing(new Activation(inner.unit, at, at.run), iterate(items)));
}

function compileLoop(node: ForNode, frame: Frame): Loop {
  const inner = frame.inner({ inLoop: true });
  const usesLoop = node.recursive || findUndeclared(node.body, ["loop"]).size > 0;
  if (usesLoop) inner.symbols.param("loop");
  trackExpression(inner.symbols, node.target, true);
  trackAll(inner.symbols, node.body);
  const last = frame.inner();
  trackAll(last.symbols, node.otherwise);
  const step = compileStep(node.target, inner);
  const storeLoop = usesLoop ? inner.store("loop") : null;
  const body = compileBody(node.body, inner);
  const [enterElse, otherwise] = [last.enter(), compileBody(node.otherwise, last)];
  return (at, out, items, recurse, depth) => {
    const loop = new LoopContext(items, recurse, depth);
    // As in Python, an iteration that ends early does not count: `else` runs when none came to its end.
    let isEmpty = true;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      storeLoop?.(at, loop);
      step(at, item);
      const end = body(at, out);
      if (end === BREAK) break;
      if (end !== CONTINUE) isEmpty = false;
    }
    if (!isEmpty || node.otherwise.length === 0) return;
    enterElse(at);
    otherwise(at, out);
  };
}

function compileStep(target: Expr, frame: Frame): Store {
  const { store } = assigner(target, frame);
  const enter = frame.enter();
  return (at, item) => {
    store(at, item);
    enter(at);
  };
}
