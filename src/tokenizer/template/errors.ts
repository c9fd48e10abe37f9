/**
 * The errors of Python that a template meets. Only their text leaves the template engine.
 *
 * @module
 */

/** Names of the Python exceptions that templates raise. */
export type PythonErrorKind =
  | "TypeError"
  | "ValueError"
  | "ZeroDivisionError"
  | "OverflowError"
  | "KeyError"
  | "IndexError"
  | "AssertionError"
  | "UndefinedError"
  | "SecurityError"
  | "TemplateError"
  | "TemplateRuntimeError"
  | "FilterArgumentError"
  | "TemplateSyntaxError"
  | "RuntimeError";

/** What Python would raise while it parses or renders a template. */
export class PythonError extends Error {
  /** Which exception Python raises. */
  readonly kind: PythonErrorKind;

  constructor(kind: PythonErrorKind, message: string) {
    super(message);
    this.name = kind;
    this.kind = kind;
  }
}

/** A `TypeError` of Python. */
export function typeError(message: string): PythonError {
  return new PythonError("TypeError", message);
}

/** A `ValueError` of Python. */
export function valueError(message: string): PythonError {
  return new PythonError("ValueError", message);
}
