/**
 * Compiles macros and the bodies of `call` blocks.
 *
 * @module
 */
import type { Signature, Statement } from "./ast.ts";
import { compileExpression } from "./compile_expression.ts";
import { compileBody } from "./compile_statement.ts";
import { PythonError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { Macro, type MacroArguments, type MacroShape } from "./macro.ts";
import { Activation, type Eval, Output } from "./runtime.ts";
import { findUndeclared, trackAll } from "./symbols.ts";
import { Undefined, type Value } from "./values.ts";

/** Names that a macro's body gets when it uses them. */
const SPECIAL = ["caller", "kwargs", "varargs"] as const;

type Body = Signature & { readonly body: readonly Statement[] };

/** A function that makes the macro where it is defined. */
export function compileMacro(node: Body, name: string | null, frame: Frame): (at: Activation) => Macro {
  const inner = frame.innerUnit();
  const track = () => trackAll(inner.symbols, [...node.params, ...node.defaults, ...node.body]);
  track();
  const shape = shapeOf(node, name);
  const specials = SPECIAL.filter((special) => uses(shape, special) && !shape.params.includes(special));
  for (const special of specials) inner.symbols.param(special);
  track();
  const params = compileParams(node, inner);
  const stores = specials.map((special) => [special, inner.store(special)] as const);
  const enter = inner.enter();
  const body = compileBody(node.body, inner);
  return (outer) =>
    new Macro(shape, (given) => {
      const at = new Activation(inner.unit, outer, outer.run);
      params.forEach(({ store }, index) => store(at, given.params[index]));
      for (const [special, store] of stores) store(at, given[special]);
      enter(at);
      for (const { fill } of params) fill(at);
      const out = new Output();
      body(at, out);
      return out.text;
    });
}

function shapeOf({ params, defaults, body }: Body, name: string | null): MacroShape {
  const names = params.map((param) => param.name);
  const undeclared = findUndeclared(body, SPECIAL);
  const caller = names.indexOf("caller");
  if (undeclared.has("caller") && caller >= 0 && caller < names.length - defaults.length) {
    throw new PythonError(
      "TemplateSyntaxError",
      'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.',
    );
  }
  return {
    name,
    params: names,
    usesCaller: undeclared.has("caller"),
    usesKwargs: undeclared.has("kwargs") && !names.includes("kwargs"),
    usesVarargs: undeclared.has("varargs") && !names.includes("varargs"),
  };
}

function uses(shape: MacroShape, special: keyof Omit<MacroArguments, "params">): boolean {
  if (special === "caller") return shape.usesCaller;
  return special === "kwargs" ? shape.usesKwargs : shape.usesVarargs;
}

/** Stores each parameter; those that are not given get their defaults, which see the parameters before them. */
function compileParams({ params, defaults }: Body, frame: Frame) {
  return params.map(({ name }, index) => {
    const store: (at: Activation, value: Value | undefined) => void = frame.store(name);
    const { index: slot } = frame.ref(name);
    const expression = defaults[index - params.length + defaults.length];
    const fallback: Eval = expression === undefined
      ? () => new Undefined(`parameter '${name}' was not provided`)
      : compileExpression(expression, frame);
    const fill = (at: Activation) => {
      if (at.vars[slot] === undefined) at.vars[slot] = fallback(at);
    };
    return { store, fill };
  });
}
