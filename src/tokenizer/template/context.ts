/**
 * Makes Python's values of JSON.
 *
 * @module
 */
import { FIELD_ORDER, fieldNames, isIntegerLiteral, JsonNumber } from "../json_number.ts";
import { PyDict } from "./dict.ts";
import { integer } from "./dict.ts";
import { PyFloat, toInt, type Value } from "./values.ts";

/** A value of JSON, or one that `parseJson` gives, as Python has it. An integral number is an `int`. */
export function fromJson(json: unknown): Value {
  switch (typeof json) {
    case "string":
    case "boolean":
      return json;
    case "number":
      return Number.isInteger(json) ? integer(json) : new PyFloat(json);
    case "bigint":
      return toInt(json);
    case "object":
      return json === null ? null : fromObject(json);
    default:
      return null;
  }
}

function fromObject(json: object): Value {
  if (Array.isArray(json)) return json.map(fromJson);
  if (json instanceof JsonNumber) return fromLiteral(json.literal);
  const dict = new PyDict();
  const names = FIELD_ORDER in json ? fieldNames(json) : Object.keys(json);
  for (const name of names) {
    const value = (json as Record<string, unknown>)[name];
    if (value !== undefined) dict.setText(name, fromJson(value));
  }
  return dict;
}

function fromLiteral(literal: string): Value {
  return isIntegerLiteral(literal) ? toInt(BigInt(literal)) : new PyFloat(Number(literal));
}
