/**
 * What an export must say, token by token.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NativeExport, NativeRow } from "../../../src/trajectory/export/mod.ts";
import type { JsonObject } from "../../../src/types.ts";
import type { ProvenTurn } from "./ledger.ts";
import { meanSame } from "./meaning.ts";
import type { OracleParts, ProofCounts } from "./oracle.ts";

/** The export, token by token. */
export function checkExport(
  native: NativeExport,
  turns: readonly ProvenTurn[],
  parts: OracleParts,
  counts: ProofCounts,
): void {
  const credited = new Set<string>();
  for (const row of native.rows) checkRow(row, turns, parts, credited, counts);
  const isExportable = ({ children, told }: ProvenTurn) =>
    children.length > 0 || (told.delivered && !told.superseded);
  const leaves = turns.filter((turn) => isExportable(turn) && !turn.children.some(isExportable));
  const shown = new Set(leaves.flatMap((leaf) => namesOf(leaf)));
  const dropped: Record<string, number> = {};
  const drop = (cause: string) => dropped[cause] = (dropped[cause] ?? 0) + 1;
  let exported = 0;
  for (const turn of turns) {
    if (!turn.told.delivered && turn.children.length === 0) counts.orphans++;
    turn.output.ids.forEach((_, at) => {
      const name = `${turn.told.index}:${at}`;
      if (!isExportable(turn)) drop(turn.told.delivered ? "superseded" : "undelivered");
      else if (!shown.has(name)) drop("trimmed");
      else exported++;
      assert.equal(
        credited.has(name),
        shown.has(name),
        `token ${name} is trained exactly when a row may show it`,
      );
    });
  }
  const captured = turns.reduce((sum, { output }) => sum + output.ids.length, 0);
  assert.deepEqual(
    [native.captured, native.exported, native.dropped],
    [captured, exported, dropped],
    "captured = exported + dropped, by cause",
  );
  assert.equal(captured, exported + Object.values(dropped).reduce((sum, count) => sum + count, 0));
  counts.sampled += captured;
  counts.dropped += captured - exported;
}

/** Names of the sampled tokens on the path to the end of a turn. */
function namesOf(leaf: ProvenTurn): string[] {
  const names = leaf.output.ids.map((_, at) => `${leaf.told.index}:${at}`);
  if (leaf.parent === null) return names;
  const above = namesOf(leaf.parent);
  // The trimmed id is the last of the parent's own.
  const kept = leaf.told.dropped_tokens === 0 ? above : above.slice(0, -leaf.told.dropped_tokens);
  return [...kept, ...names];
}

function checkRow(
  row: NativeRow,
  turns: readonly ProvenTurn[],
  parts: OracleParts,
  credited: Set<string>,
  counts: ProofCounts,
): void {
  counts.rows++;
  const path = row.chain.map(({ turn }) => turns[turn]!);
  path.forEach((turn, i) => {
    const link = row.chain[i]!;
    assert.equal(turn.parent, path[i - 1] ?? null, "a row is a path from a root");
    assert.deepEqual(row.tokens.slice(0, link.posted), turn.posted, "what was POSTed is what is recorded");
    assert.deepEqual([link.id, link.hash], [turn.told.turn_id, turn.told.posted_hash]);
  });
  const places = path.flatMap((turn, i) => {
    const end = path[i + 1]?.told.dropped_tokens ?? 0;
    const from = turn.posted.length;
    return turn.output.ids.slice(0, turn.output.ids.length - end).map((_, at) => ({
      turn,
      at,
      place: from + at,
    }));
  });
  const byPlace = new Map(places.map((each) => [each.place, each]));
  const leaf = path.at(-1)!;
  const length = leaf.posted.length + leaf.output.ids.length;
  const columns = [row.tokens, row.loss_mask, row.logprobs, row.versions, row.turns, row.provenance];
  assert.deepEqual(columns.map((column) => column.length), columns.map(() => length), "lengths agree");
  assert.equal(row.status, leaf.told.status);
  for (let i = 0; i < length; i++) {
    const sampled = byPlace.get(i);
    const letter = row.provenance[i]!;
    const at = `place ${i} of ${length}`;
    assert.equal(row.turns[i], sampled?.turn.told.index ?? null, `${at}: who sampled it`);
    if (sampled === undefined) {
      assert.ok("pbcf".includes(letter), `${at} is ${letter}`);
      assert.deepEqual([row.loss_mask[i], row.logprobs[i], row.versions[i]], [0, null, null], at);
      continue;
    }
    const { turn: { output, told }, at: token } = sampled;
    const name = `${told.index}:${token}`;
    const isFirst = !credited.has(name);
    credited.add(name);
    assert.deepEqual(
      [row.tokens[i], letter, row.loss_mask[i], row.logprobs[i]],
      [output.ids[token], isFirst ? "s" : "p", isFirst ? 1 : 0, isFirst ? output.logprobs[token] : null],
      `${at}, token ${name}`,
    );
    if (parts.tellsVersions) assert.equal(row.versions[i], output.versions![token], `${at}: version`);
  }
  const isComplete = places.every(({ place }) => row.loss_mask[place] === 0 || row.versions[place] !== null);
  assert.equal(row.complete, isComplete, "a row without all data says so");
  for (const turn of path) checkLetters(row, turn, turns, counts);
}

/** Letters of a turn's own prompt: closings at its front, foreign text where the client put words into the model's mouth. */
function checkLetters(
  row: NativeRow,
  { told, parent, posted }: ProvenTurn,
  turns: readonly ProvenTurn[],
  counts: ProofCounts,
): void {
  const letters = row.provenance.slice(posted.length - told.prompt_tokens, posted.length);
  assert.match(letters, parent === null ? /^[pf]*$/ : /^(b*|c*)[pf]*$/, `turn ${told.index}`);
  if (letters.includes("c")) {
    counts.closes++;
    assert.notEqual(parent!.told.status, "completed", "only what was cut short is closed for it");
  }
  // The model's own words may be rendered anew.
  const isOwn = (message: JsonObject) => turns.some(({ told: { reply } }) => meanSame([reply], [message]));
  const foreign = told.messages.filter((message) => message.role === "assistant" && !isOwn(message));
  const hasWords = foreign.some(({ content, tool_calls: calls }) =>
    (typeof content === "string" && content.trim() !== "") || (Array.isArray(calls) && calls.length > 0)
  );
  const hasReplies = told.messages.some(({ role }) => role === "assistant");
  if (!hasReplies) assert.ok(!letters.includes("f"), "foreign text comes from the client");
  if (hasWords) {
    counts.foreign++;
    assert.ok(
      letters.includes("f"),
      `turn ${told.index}: foreign words are marked: ${letters} ${JSON.stringify(told.messages)}`,
    );
  }
}
