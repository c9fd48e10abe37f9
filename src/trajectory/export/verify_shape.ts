/**
 * Checks rows in the shapes of trainers, which carry no hashes: members, lengths, masks, log-probabilities.
 *
 * @module
 */
import { type Problem, quote } from "./read.ts";
import type { ExportShape } from "./shapes.ts";

/** A shape without hashes. */
export type UnhashedShape = Exclude<ExportShape, "native">;

type Row = Readonly<Record<string, unknown>>;

/** What a shape calls its members. */
interface ShapeMembers {
  /** A member that no other shape has. */
  readonly mark: string;
  readonly ids: readonly string[];
  readonly mask: string;
  readonly logprobs: string;
  /** Length of the response, and where it is told. */
  readonly response: (row: Row) => readonly [length: number, told: string];
}

const lengthOf = (value: unknown): number => Array.isArray(value) ? value.length : -1;

const MEMBERS: Readonly<Record<UnhashedShape, ShapeMembers>> = {
  slime: {
    mark: "response_length",
    ids: ["tokens"],
    mask: "loss_mask",
    logprobs: "rollout_log_probs",
    response: (
      { response_length: length },
    ) => [Number.isSafeInteger(length) ? length as number : -1, "response_length"],
  },
  verl: {
    mark: "response_mask",
    ids: ["prompts", "responses", "input_ids", "position_ids"],
    mask: "response_mask",
    logprobs: "rollout_log_probs",
    response: ({ responses }) => [lengthOf(responses), "length of responses"],
  },
  trl: {
    mark: "env_mask",
    ids: ["prompt_ids", "completion_ids"],
    mask: "env_mask",
    logprobs: "logprobs",
    response: ({ completion_ids: ids }) => [lengthOf(ids), "length of completion_ids"],
  },
};

/** The shape of a row by its members; null: a native one, or none. */
export function shapeOf(value: unknown): UnhashedShape | null {
  if (typeof value !== "object" || value === null || "chain" in value || "digest" in value) return null;
  const names = Object.keys(MEMBERS) as UnhashedShape[];
  return names.find((shape) => MEMBERS[shape].mark in value) ?? null;
}

/** Session, ids and trained tokens of a row, as far as they can be told. */
export function shapeFacts(
  row: Row,
  shape: UnhashedShape,
): { session: string | null; tokens: number; trained: number } {
  const { uid } = (row.non_tensor_batch ?? {}) as Row;
  const session = row.session_id ?? uid;
  const whole = shape === "trl"
    ? lengthOf(row.prompt_ids) + lengthOf(row.completion_ids)
    : lengthOf(row.tokens ?? row.input_ids);
  const mask = row[MEMBERS[shape].mask];
  return {
    session: typeof session === "string" ? session : null,
    tokens: Math.max(whole, 0),
    trained: Array.isArray(mask) ? mask.filter((bit) => bit === 1).length : 0,
  };
}

/** What is wrong in a row: the first problem of each kind. Linear in the tokens. */
export function shapeProblems(row: Row, shape: UnhashedShape): Problem[] {
  const { ids, mask, logprobs, response } = MEMBERS[shape];
  const found = [
    ...ids.flatMap((name) => elementProblem(row, name, "an id", isId)),
    ...elementProblem(row, mask, "0 or 1", (value) => value === 0 || value === 1),
    ...elementProblem(row, logprobs, "a number", Number.isFinite),
  ];
  if (found.length > 0) return found;
  const [length, told] = response(row);
  const lengths = [mask, logprobs].flatMap((name) => lengthProblem(name, lengthOf(row[name]), length, told));
  const own = shape === "slime" ? slimeProblems(row, length) : shape === "verl" ? verlProblems(row) : [];
  return [...lengths, ...own, ...(lengths.length > 0 ? [] : maskProblems(row, mask, logprobs))];
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function elementProblem(
  row: Row,
  name: string,
  expected: string,
  holds: (value: unknown) => boolean,
): Problem[] {
  const values = row[name];
  if (!Array.isArray(values)) return [problem("structure", null, name, "an array", values)];
  const at = values.findIndex((value) => !holds(value));
  return at < 0 ? [] : [problem("structure", at, `${name}[${at}]`, expected, values[at])];
}

function lengthProblem(name: string, length: number, expected: number, told: string): Problem[] {
  if (length === expected) return [];
  return [problem("lengths", Math.max(Math.min(length, expected), 0), name, `${expected} (${told})`, length)];
}

/** Where the mask is 0 a log-probability is filled in as 0; the response begins with what is trained. */
function maskProblems(row: Row, mask: string, logprobs: string): Problem[] {
  const [bits, numbers] = [row[mask] as number[], row[logprobs] as number[]];
  const at = bits.findIndex((bit, i) => bit === 0 && numbers[i] !== 0);
  const filled = at < 0 ? [] : [problem("mask", at, `${logprobs}[${at}]`, `0, as ${mask} is 0`, numbers[at])];
  if (bits[0] === 1 || !bits.includes(1)) return filled;
  return [
    ...filled,
    problem("mask", 0, `${mask}[0]`, "1, as a response begins with what is trained", bits[0]),
  ];
}

function slimeProblems(row: Row, length: number): Problem[] {
  const whole = lengthOf(row.tokens);
  if (length >= 0 && length <= whole) return [];
  return [
    problem(
      "lengths",
      null,
      "response_length",
      `within 0 and ${whole} (length of tokens)`,
      row.response_length,
    ),
  ];
}

function verlProblems(row: Row): Problem[] {
  const whole = [...row.prompts as number[], ...row.responses as number[]];
  const expected: readonly [name: string, values: readonly number[]][] = [
    ["input_ids", whole],
    ["position_ids", whole.map((_, i) => i)],
    ["attention_mask", whole.map(() => 1)],
  ];
  return expected.flatMap(([name, values]) => {
    const own = row[name];
    if (!Array.isArray(own)) return [problem("structure", null, name, "an array", own)];
    const wrong = lengthProblem(name, own.length, values.length, "length of prompts and responses");
    if (wrong.length > 0) return wrong;
    const at = values.findIndex((value, i) => own[i] !== value);
    return at < 0 ? [] : [problem("structure", at, `${name}[${at}]`, `${values[at]}`, own[at])];
  });
}

function problem(
  rule: string,
  token: number | null,
  what: string,
  expected: string,
  received: unknown,
): Problem {
  return { rule, token, what, expected, received: received === undefined ? "nothing" : quote(received) };
}
