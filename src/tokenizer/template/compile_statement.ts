/**
 * Compiles statements into functions.
 *
 * @module
 */
import type {
  AssignBlockNode,
  AssignNode,
  BlockNode,
  CallBlockNode,
  Expr,
  FilterBlockNode,
  FilterNode,
  IfNode,
  MacroNode,
  OutputNode,
  Statement,
  WithNode,
} from "./ast.ts";
import {
  callValue,
  compileArguments,
  compileExpression,
  compileFilter,
  repeated,
} from "./compile_expression.ts";
import { compileFor } from "./compile_for.ts";
import { compileMacro } from "./compile_macro.ts";
import { assigner } from "./compile_target.ts";
import { PythonError, typeError } from "./errors.ts";
import { Frame } from "./frame.ts";
import { truthy } from "./operators.ts";
import { Activation, BREAK, CONTINUE, type Eval, type Exec, NEXT, Output } from "./runtime.ts";
import { Symbols, trackAll, trackExpression, Unit } from "./symbols.ts";
import { str } from "./text.ts";
import { isStr, textOf, typeName, type Value } from "./values.ts";

/** A function that runs statements one after the other, until one breaks out of its loop. */
export function compileBody(statements: readonly Statement[], frame: Frame): Exec {
  const steps = statements.map((statement) => compileStatement(statement, frame));
  if (steps.length === 1) return steps[0]!;
  return (at, out) => {
    for (const step of steps) {
      const end = step(at, out);
      if (end !== NEXT) return end;
    }
    return NEXT;
  };
}

function compileStatement(node: Statement, frame: Frame): Exec {
  switch (node.type) {
    case "output":
      return compileOutput(node, frame);
    case "if":
      return compileIf(node, frame.soft());
    case "for":
      return compileFor(node, frame);
    case "assign":
      return compileAssign(node, frame);
    case "assign_block":
      return compileAssignBlock(node, frame);
    case "macro":
      return compileMacroStatement(node, frame);
    case "call_block":
      return compileCallBlock(node, frame);
    case "filter_block":
      return compileFilterBlock(node, frame);
    case "with":
      return compileWith(node, frame);
    case "scope": {
      const inner = frame.inner();
      trackAll(inner.symbols, node.body);
      return entered(inner, compileBody(node.body, inner));
    }
    case "block":
      return compileBlock(node);
    case "break":
    case "continue":
      if (!frame.inLoop) throw new PythonError("TemplateSyntaxError", `'${node.type}' outside loop`);
      return node.type === "break" ? () => BREAK : () => CONTINUE;
    case "load_template":
      return () => {
        throw typeError("no loader for this environment specified");
      };
  }
}

function compileOutput({ parts }: OutputNode, frame: Frame): Exec {
  const [first, ...rest] = parts.map((part): (at: Activation) => string => {
    if (typeof part === "string") return () => part;
    const value = compileExpression(part, frame);
    return (at) => str(value(at));
  });
  if (first === undefined) return () => NEXT;
  return (at, out) => {
    out.text += first(at);
    for (const part of rest) out.text += part(at);
    return NEXT;
  };
}

function compileIf({ test, body, elifs, otherwise }: IfNode, frame: Frame): Exec {
  const branches = [{ test, body }, ...elifs].map((branch) => ({
    is: compileExpression(branch.test, frame),
    run: compileBody(branch.body, frame),
  }));
  const last = compileBody(otherwise, frame);
  return (at, out) => {
    for (const { is, run } of branches) if (truthy(is(at))) return run(at, out);
    return last(at, out);
  };
}

function compileAssign({ target, value }: AssignNode, frame: Frame): Exec {
  const compute = compileExpression(value, frame);
  const assign = assigner(target, frame);
  return (at) => {
    assign.check(at);
    assign.store(at, compute(at));
    return NEXT;
  };
}

function compileAssignBlock({ target, filter, body }: AssignBlockNode, frame: Frame): Exec {
  const inner = frame.inner();
  trackAll(inner.symbols, body);
  const text = captured(inner, compileBody(body, inner), filter);
  const assign = assigner(target, frame);
  return (at) => {
    const { value, end } = text(at);
    if (end === NEXT) assign.store(at, value);
    return end;
  };
}

/** What a body prints, through filters; a loop that it breaks out of gets nothing of it. */
function captured(frame: Frame, body: Exec, filter: FilterNode | null) {
  const enter = frame.enter();
  const texts: string[] = [];
  const last: Eval = () => texts.at(-1)!;
  const filtered = filter === null ? last : compileChain(filter, last, frame);
  return (at: Activation) => {
    const out = new Output();
    enter(at);
    const end = body(at, out);
    if (end !== NEXT) return { value: null, end };
    texts.push(out.text);
    try {
      return { value: filtered(at), end };
    } finally {
      texts.pop();
    }
  };
}

/** Filters one after the other, the first of them on what `content` gives. */
function compileChain(filter: FilterNode, content: Eval, frame: Frame): Eval {
  const { node } = filter;
  const input = node?.type === "filter" ? compileChain(node, content, frame) : content;
  return compileFilter(filter, input, frame);
}

function compileFilterBlock({ filter, body }: FilterBlockNode, frame: Frame): Exec {
  const inner = frame.inner();
  trackAll(inner.symbols, body);
  trackExpression(inner.symbols, filter);
  const text = captured(inner, compileBody(body, inner), filter);
  return (at, out) => {
    const { value, end } = text(at);
    if (end === NEXT) out.text += printable(value);
    return end;
  };
}

function compileMacroStatement(node: MacroNode, frame: Frame): Exec {
  const make = compileMacro(node, node.name, frame);
  const store = frame.store(node.name);
  return (at) => {
    const macro = make(at);
    if (frame.isTop) at.run.assigned.set(node.name, macro);
    store(at, macro);
    return NEXT;
  };
}

function compileCallBlock(node: CallBlockNode, frame: Frame): Exec {
  const make = compileMacro(node, null, frame);
  const { call } = node;
  if (call === null) {
    return (at, out) => {
      out.text += str(make(at).call([], new Map()));
      return NEXT;
    };
  }
  const callee = compileExpression(call.node, frame);
  const inputs = compileArguments(call.given, frame);
  return (at, out) => {
    const caller = make(at);
    const called = callee(at);
    const { args, kwargs } = inputs(at);
    if (kwargs.has("caller")) throw repeated("caller");
    out.text += printable(callValue(called, args, new Map([...kwargs, ["caller", caller]])));
    return NEXT;
  };
}

/** What a block prints is text already: Jinja joins it as it is. */
function printable(value: Value): string {
  if (isStr(value)) return textOf(value);
  throw typeError(`sequence item 0: expected str instance, ${typeName(value)} found`);
}

function compileWith({ targets, values, body }: WithNode, frame: Frame): Exec {
  const inner = frame.inner();
  trackAll(inner.symbols, targets);
  trackAll(inner.symbols, body);
  const pairs = targets.map((target: Expr, index) => ({
    store: assigner(target, inner).store,
    compute: compileExpression(values[index]!, frame),
  }));
  const enter = inner.enter();
  const run = compileBody(body, inner);
  return (at, out) => {
    enter(at);
    for (const { store, compute } of pairs) store(at, compute(at));
    return run(at, out);
  };
}

function entered(frame: Frame, body: Exec): Exec {
  const enter = frame.enter();
  return (at, out) => {
    enter(at);
    return body(at, out);
  };
}

/** A block has no part in the frames around it: it sees the conversation and what the top has assigned. */
function compileBlock({ body }: BlockNode): Exec {
  const unit = new Unit(null);
  const frame = new Frame(new Symbols(unit, null));
  trackAll(frame.symbols, body);
  const run = entered(frame, compileBody(body, frame));
  return (at, out) => {
    run(new Activation(unit, null, at.run), out);
    return NEXT;
  };
}
