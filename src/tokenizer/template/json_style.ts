/**
 * Reads the arguments of the filter `tojson`.
 *
 * @module
 */
import type { JsonStyle } from "./json.ts";
import { toIndex, truthy } from "./operators.ts";
import { typeError, valueError } from "./errors.ts";
import { toList } from "./iterate.ts";
import type { Bound } from "./signature.ts";
import { isStr, textOf, typeName, type Value } from "./values.ts";

/** Arguments after the value: `ensure_ascii`, `indent`, `separators`, `sort_keys`. */
export function jsonStyle([, ensureAscii, indent, separators, sortKeys]: Bound): JsonStyle {
  const isOneLine = indent === undefined || indent === null;
  const [itemSeparator, keySeparator] = separators === undefined || separators === null
    ? [isOneLine ? ", " : ",", ": "]
    : pairOf(separators);
  return {
    ensureAscii: ensureAscii !== undefined && truthy(ensureAscii),
    indent: isOneLine ? null : indentOf(indent),
    itemSeparator,
    keySeparator,
    sortKeys: sortKeys !== undefined && truthy(sortKeys),
  };
}

function indentOf(indent: Value): string {
  return isStr(indent) ? textOf(indent) : " ".repeat(Math.max(0, toIndex(indent)));
}

function pairOf(separators: Value): [string, string] {
  const parts = toList(separators);
  if (parts.length > 2) throw valueError("too many values to unpack (expected 2)");
  if (parts.length < 2) throw valueError(`not enough values to unpack (expected 2, got ${parts.length})`);
  const texts = parts.map((part) => {
    if (isStr(part)) return textOf(part);
    throw typeError(`can only concatenate str (not "${typeName(part)}") to str`);
  });
  return texts as [string, string];
}
