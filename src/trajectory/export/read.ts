/**
 * Reads native rows from values of unknown origin. Structure only: members there, of their type, lengths that agree. What the
 * members must say of one another is `verify_row.ts`'s business.
 *
 * @module
 */
import type { NativeExport, NativeRecord, NativeRow } from "./native.ts";

/** Something that is not as it must be. */
export interface Problem {
  /** What is checked; stable. */
  readonly rule: string;
  /** Position of the token, or null when it is not about one. */
  readonly token: number | null;
  /** Member, or members. */
  readonly what: string;
  readonly expected: string;
  readonly received: string;
}

/** Most characters of a received value that a message quotes. */
const QUOTED_CHARS_MAX = 80;

/** A value as messages quote it. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
}

type Check = readonly [expected: string, holds: (value: unknown) => boolean];

const ID_MAX = 2 ** 32 - 1;
const STATUSES: readonly unknown[] = ["completed", "truncated", "aborted"];

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown) => typeof value === "string";
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const COUNT: Check = ["a count", isCount];
const HASH: Check = ["64 hex digits", (value) => isText(value) && /^[0-9a-f]{64}$/.test(value as string)];
const OBJECT: Check = ["an object", isRecord];
const ARRAY: Check = ["an array", Array.isArray];
const TEXT: Check = ["a string", isText];

const ROW_MEMBERS: Readonly<Record<string, Check>> = {
  tokens: ARRAY,
  loss_mask: ARRAY,
  logprobs: ARRAY,
  versions: ARRAY,
  turns: ARRAY,
  provenance: TEXT,
  status: [STATUSES.join(", "), (value) => STATUSES.includes(value)],
  reward: [
    "a number, an object or null",
    (value) => value === null || Number.isFinite(value) || isRecord(value),
  ],
  metadata: OBJECT,
  complete: ["a boolean", (value) => typeof value === "boolean"],
  chain: ARRAY,
  digest: HASH,
};

const COUNT_MEMBERS: Readonly<Record<string, Check>> = {
  session_id: TEXT,
  captured: COUNT,
  exported: COUNT,
  dropped: ["an object of counts", (value) => isRecord(value) && Object.values(value).every(isCount)],
};

const RECORD_MEMBERS: Readonly<Record<string, Check>> = {
  ...COUNT_MEMBERS,
  row: COUNT,
  row_count: COUNT,
  ...ROW_MEMBERS,
};

const LINK_MEMBERS: Readonly<Record<string, Check>> = {
  turn: COUNT,
  id: TEXT,
  posted: COUNT,
  hash: HASH,
  cause: ["a string or null", (value) => value === null || isText(value)],
};

const ELEMENTS: Readonly<Record<"tokens" | "loss_mask" | "logprobs" | "versions" | "turns", Check>> = {
  tokens: ["an id", (value) => isCount(value) && (value as number) <= ID_MAX],
  loss_mask: ["0 or 1", (value) => value === 0 || value === 1],
  logprobs: ["a number or null", (value) => value === null || Number.isFinite(value)],
  versions: [
    "an integer, a string or null",
    (value) => value === null || isText(value) || Number.isSafeInteger(value),
  ],
  turns: ["a count or null", (value) => value === null || isCount(value)],
};

/** What keeps a value from being a {@link NativeRecord}, structure only. Stops at the first problem of each member. */
export function recordProblems(value: unknown): Problem[] {
  return problemsOf(value, RECORD_MEMBERS);
}

function problemsOf(value: unknown, members: Readonly<Record<string, Check>>): Problem[] {
  if (!isRecord(value)) return [problem("structure", "row", "an object", value)];
  const wrong = memberProblems(value, members, "");
  if (wrong.length > 0) return wrong;
  const row = value as unknown as NativeRow;
  return [...lengthProblems(row), ...elementProblems(row), ...linkProblems(row)];
}

function memberProblems(
  value: Record<string, unknown>,
  members: Readonly<Record<string, Check>>,
  prefix: string,
): Problem[] {
  return Object.entries(members).flatMap(([name, [expected, holds]]) =>
    holds(value[name]) ? [] : [problem("structure", prefix + name, expected, value[name])]
  );
}

function lengthProblems(row: NativeRow): Problem[] {
  const expected = `${row.tokens.length} (length of tokens)`;
  return (["loss_mask", "logprobs", "versions", "turns", "provenance"] as const).flatMap((name) =>
    row[name].length === row.tokens.length
      ? []
      : [problem("lengths", name, expected, row[name].length, Math.min(row[name].length, row.tokens.length))]
  );
}

function elementProblems(row: NativeRow): Problem[] {
  return Object.entries(ELEMENTS).flatMap(([name, [expected, holds]]) => {
    const values: readonly unknown[] = row[name as keyof typeof ELEMENTS];
    const at = values.findIndex((value) => !holds(value));
    return at < 0 ? [] : [problem("structure", `${name}[${at}]`, expected, values[at], at)];
  });
}

function linkProblems(row: NativeRow): Problem[] {
  return row.chain.flatMap((link: unknown, i) =>
    isRecord(link)
      ? memberProblems(link, LINK_MEMBERS, `chain[${i}].`)
      : [problem("structure", `chain[${i}]`, "an object", link)]
  );
}

function problem(
  rule: string,
  what: string,
  expected: string,
  value: unknown,
  token: number | null = null,
): Problem {
  return { rule, token, what, expected, received: value === undefined ? "nothing" : quote(value) };
}

/** @throws {TypeError} when `value` is no native record */
export function readRecord(value: unknown, where: string): NativeRecord {
  refuse(recordProblems(value), where);
  return value as NativeRecord;
}

/** @throws {TypeError} when `value` is no native export */
export function readExport(value: unknown): NativeExport {
  if (!isRecord(value)) {
    throw new TypeError(`Cannot read export: must be an object, received ${quote(value)}`);
  }
  refuse(memberProblems(value, { ...COUNT_MEMBERS, rows: ARRAY }, ""), "export");
  const rows = value.rows as unknown[];
  rows.forEach((row, i) => refuse(problemsOf(row, ROW_MEMBERS), `row ${i}`));
  return value as unknown as NativeExport;
}

function refuse([first]: readonly Problem[], where: string): void {
  if (first === undefined) return;
  throw new TypeError(
    `Cannot read ${where}: ${first.what} must be ${first.expected}, received ${first.received}`,
  );
}
