/**
 * Compiles expressions into functions.
 *
 * @module
 */
import { getAttribute, getItem, slice } from "./access.ts";
import {
  type Arguments,
  childrenOf,
  type CompareNode,
  type ConditionalNode,
  type Expr,
  type FilterNode,
  type TestNode,
} from "./ast.ts";
import { PyDict } from "./dict.ts";
import { PythonError, typeError } from "./errors.ts";
import { FILTERS } from "./filters.ts";
import type { Frame } from "./frame.ts";
import { iterate } from "./iterate.ts";
import { isDictAttribute } from "./methods.ts";
import { add, binary, compare, contains, equal, truthy, unary } from "./operators.ts";
import { Activation, type Eval, Run } from "./runtime.ts";
import { Unit } from "./symbols.ts";
import { TESTS } from "./tests.ts";
import { str } from "./text.ts";
import {
  isNumber,
  isStr,
  type Kwargs,
  NO_KWARGS,
  PyObject,
  PyTuple,
  textOf,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** A function that gives the expression's value. @throws {PythonError} when it names what there is not */
export function compileExpression(node: Expr, frame: Frame): Eval {
  const compile = (child: Expr) => compileExpression(child, frame);
  switch (node.type) {
    case "const": {
      const { value } = node;
      return () => value;
    }
    case "name":
      return frame.load(node.name);
    case "namespace_ref":
      throw new PythonError("TemplateSyntaxError", `Cannot read '${node.name}.${node.attribute}' here`);
    case "list": {
      const items = node.items.map(compile);
      return (at) => items.map((item) => item(at));
    }
    case "tuple": {
      const items = node.items.map(compile);
      return (at) => new PyTuple(items.map((item) => item(at)));
    }
    case "dict":
      return compileDict(node.items.map(([key, value]) => [compile(key), compile(value)] as const));
    case "binary":
      return node.operator === "**"
        ? compilePower(node.left, node.right, frame)
        : compileBinary(node.operator, compile(node.left), compile(node.right));
    case "logic":
      return compileLogic(node.operator, compile(node.left), compile(node.right));
    case "unary": {
      const { operator } = node;
      const operand = compile(node.node);
      return operator === "not" ? (at) => !truthy(operand(at)) : (at) => unary(operator, operand(at));
    }
    case "compare":
      return compileCompare(node, frame);
    case "concat": {
      const items = node.items.map(compile);
      return (at) => items.map((item) => str(item(at))).join("");
    }
    case "attribute":
      return compileAttribute(compile(node.node), node.name);
    case "item": {
      const [value, key] = [compile(node.node), compile(node.key)];
      return (at) => getItem(value(at), key(at));
    }
    case "slice": {
      const value = compile(node.node);
      const [start, stop, step] = [node.start, node.stop, node.step].map((bound) =>
        bound === null ? none : compile(bound)
      );
      return (at) => slice(value(at), start!(at), stop!(at), step!(at));
    }
    case "call":
      return compileCall(compile(node.node), node.given, frame);
    case "filter":
      return compileFilter(node, node.node === null ? none : compile(node.node), frame);
    case "test":
      return compileTest(node, frame);
    case "conditional":
      return compileConditional(node, frame.soft());
  }
}

function none(): Value {
  return null;
}

function compileDict(items: readonly (readonly [Eval, Eval])[]): Eval {
  return (at) => {
    const dict = new PyDict();
    for (const [key, value] of items) dict.set(key(at), value(at));
    return dict;
  };
}

function compileBinary(operator: string, left: Eval, right: Eval): Eval {
  if (operator === "+") return (at) => add(left(at), right(at));
  return (at) => binary(operator, left(at), right(at));
}

/**
 * Jinja works out what is constant, and writes it into Python code without parentheses: there, a constant below zero
 * to the power of what is not constant is a power with a minus in front.
 */
function compilePower(left: Expr, right: Expr, frame: Frame): Eval {
  const [base, exponent] = [compileExpression(left, frame), compileExpression(right, frame)];
  const power: Eval = (at) => binary("**", base(at), exponent(at));
  const constant = isConstant(left) && !isConstant(right) ? valueOf(base) : null;
  if (!isNumber(constant) || !compare("<", constant, 0)) return power;
  const magnitude = unary("-", constant);
  return (at) => unary("-", binary("**", magnitude, exponent(at)));
}

function isConstant(node: Expr): boolean {
  return node.type !== "name" && node.type !== "call" && childrenOf(node).every(isConstant);
}

/** What a constant comes to; null for one that fails, which does so again when the template runs. */
function valueOf(constant: Eval): Value {
  try {
    return constant(new Activation(new Unit(null), null, new Run(new Map(), new Map())));
  } catch {
    return null;
  }
}

function compileLogic(operator: "and" | "or", left: Eval, right: Eval): Eval {
  const settles = operator === "or";
  return (at) => {
    const value = left(at);
    return truthy(value) === settles ? value : right(at);
  };
}

/** `a < b < c` asks both, and each operand once. */
function compileCompare({ first, rest }: CompareNode, frame: Frame): Eval {
  const start = compileExpression(first, frame);
  const steps = rest.map(([operator, operand]) => [operator, compileExpression(operand, frame)] as const);
  return (at) => {
    let left = start(at);
    for (const [operator, operand] of steps) {
      const right = operand(at);
      if (!holds(operator, left, right)) return false;
      left = right;
    }
    return true;
  };
}

function holds(operator: CompareNode["rest"][number][0], left: Value, right: Value): boolean {
  switch (operator) {
    case "==":
      return equal(left, right);
    case "!=":
      return !equal(left, right);
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
    default:
      return compare(operator, left, right);
  }
}

function compileAttribute(value: Eval, name: string): Eval {
  if (isDictAttribute(name)) return (at) => getAttribute(value(at), name);
  return (at) => {
    const owner = value(at);
    // A message's field: nearly all that templates ask for.
    const item = owner instanceof PyDict ? owner.getText(name) : undefined;
    return item === undefined ? getAttribute(owner, name) : item;
  };
}

function compileConditional({ test, then, otherwise, line }: ConditionalNode, frame: Frame): Eval {
  const [is, yes] = [compileExpression(test, frame), compileExpression(then, frame)];
  const no = otherwise === null
    ? () =>
      new Undefined(
        `the inline if-expression on line ${line} evaluated to false and no else section was defined.`,
      )
    : compileExpression(otherwise, frame);
  return (at) => truthy(is(at)) ? yes(at) : no(at);
}

/** Arguments of a call; `extra` keyword arguments come from the engine. */
export type Given = (at: Activation) => { readonly args: Value[]; readonly kwargs: Kwargs };

/** A function that gives a call's arguments. */
export function compileArguments({ args, kwargs, moreArgs, moreKwargs }: Arguments, frame: Frame): Given {
  const positional = args.map((arg) => compileExpression(arg, frame));
  const named = kwargs.map(([key, value]) => [key, compileExpression(value, frame)] as const);
  const spread = moreArgs === null ? null : compileExpression(moreArgs, frame);
  const spreadNamed = moreKwargs === null ? null : compileExpression(moreKwargs, frame);
  return (at) => {
    const values = positional.map((arg) => arg(at));
    if (spread !== null) {
      values.push(...iterate(spread(at), (name) => `argument after * must be an iterable, not ${name}`));
    }
    if (named.length === 0 && spreadNamed === null) return { args: values, kwargs: NO_KWARGS };
    const keys = new Map<string, Value>();
    for (const [key, value] of named) keys.set(key, value(at));
    if (spreadNamed !== null) addNamed(keys, spreadNamed(at));
    return { args: values, kwargs: keys };
  };
}

function addNamed(keys: Map<string, Value>, mapping: Value): void {
  if (!(mapping instanceof PyDict)) {
    throw typeError(`argument after ** must be a mapping, not ${typeName(mapping)}`);
  }
  for (const [key, value] of mapping.entries()) {
    if (!isStr(key)) throw typeError("keywords must be strings");
    if (keys.has(textOf(key))) throw repeated(textOf(key));
    keys.set(textOf(key), value);
  }
}

/** A keyword argument that is given twice. */
export function repeated(key: string): PythonError {
  return typeError(
    `jinja2.sandbox.SandboxedEnvironment.call() got multiple values for keyword argument '${key}'`,
  );
}

function compileCall(callee: Eval, given: Arguments, frame: Frame): Eval {
  const inputs = compileArguments(given, frame);
  return (at) => {
    const called = callee(at);
    const { args, kwargs } = inputs(at);
    return callValue(called, args, kwargs);
  };
}

/** Calls any value. @throws {PythonError} when it cannot be called */
export function callValue(value: Value, args: readonly Value[], kwargs: Kwargs): Value {
  if (value instanceof PyObject) return value.call(args, kwargs);
  throw typeError(`'${typeName(value)}' object is not callable`);
}

/** A filter applied to what `value` gives. */
export function compileFilter({ name, given, line }: FilterNode, value: Eval, frame: Frame): Eval {
  const found = FILTERS.get(name);
  if (found === undefined && !frame.isSoft) throw unknown("filter", name, line);
  const inputs = compileArguments(given, frame);
  return (at) => {
    if (found === undefined) {
      throw new PythonError("TemplateRuntimeError", `No filter named '${name}' found.`);
    }
    const input = value(at);
    const { args, kwargs } = inputs(at);
    return found([input, ...args], kwargs);
  };
}

function compileTest({ node, name, given, line }: TestNode, frame: Frame): Eval {
  const found = TESTS.get(name);
  if (found === undefined && !frame.isSoft) throw unknown("test", name, line);
  const value = compileExpression(node, frame);
  const inputs = compileArguments(given, frame);
  return (at) => {
    if (found === undefined) throw new PythonError("TemplateRuntimeError", `No test named '${name}' found.`);
    const input = value(at);
    const { args, kwargs } = inputs(at);
    return found([input, ...args], kwargs);
  };
}

function unknown(what: "filter" | "test", name: string, line: number): PythonError {
  return new PythonError("TemplateSyntaxError", `No ${what} named '${name}'. (line ${line})`);
}
