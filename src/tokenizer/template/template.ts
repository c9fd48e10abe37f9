/**
 * A template of Jinja with Python's semantics, as `transformers` sets Jinja up for chat templates.
 *
 * @module
 */
import { compileBody } from "./compile_statement.ts";
import { fromJson } from "./context.ts";
import { Frame } from "./frame.ts";
import { globalsOf } from "./globals.ts";
import { parseTemplate } from "./parse_template.ts";
import { Activation, Output, Run } from "./runtime.ts";
import { Symbols, trackAll, Unit } from "./symbols.ts";
import type { Value } from "./values.ts";

/** Renders a template with variables of JSON. @throws {PythonError} as Python raises */
export type Renderer = (variables: Readonly<Record<string, unknown>>) => string;

/** Compiles a template. @throws {PythonError} when it is malformed */
export function compileTemplate(source: string, now: () => Date): Renderer {
  const statements = parseTemplate(source);
  const unit = new Unit(null);
  const frame = new Frame(new Symbols(unit, null), { isTop: true });
  trackAll(frame.symbols, statements);
  const body = compileBody(statements, frame);
  const enter = frame.enter();
  const globals = globalsOf(now);
  return (variables) => {
    const at = new Activation(unit, null, new Run(valuesOf(variables), globals));
    const out = new Output();
    enter(at);
    body(at, out);
    return out.text;
  };
}

function valuesOf(variables: Readonly<Record<string, unknown>>): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>();
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined) values.set(name, fromJson(value));
  }
  return values;
}
