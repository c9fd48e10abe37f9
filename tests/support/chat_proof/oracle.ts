/**
 * What a session must say, worked out token by token from the wire. Slow on purpose.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ChatTemplate } from "../../../src/tokenizer/chat_template.ts";
import { parseJson } from "../../../src/tokenizer/parse_json.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import type { JsonObject } from "../../../src/types.ts";
import type { Ask } from "./client.ts";
import { keptBefore, messagesOf, type ProvenTurn } from "./ledger.ts";
import { meanSame, reasoningOf } from "./meaning.ts";
import { isEqual } from "./wire.ts";

/** What the checks need besides the turns. */
export interface OracleParts {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** The template keeps a conversation whatever is added to it. */
  readonly isAppendOnly: boolean;
  /** The engines tell the version of each token. */
  readonly tellsVersions: boolean;
}

/** How often each promise was put to the test. */
export interface ProofCounts {
  asks: number;
  turns: number;
  failed: number;
  left: number;
  extended: number;
  attached: number;
  reattached: number;
  rows: number;
  sampled: number;
  dropped: number;
  superseded: number;
  orphans: number;
  foreign: number;
  closes: number;
  trims: number;
  resumed: number;
  ambiguous: number;
  replayed: number;
}

/** Checks one turn against the wire, its messages and its parent. */
export function checkTurn(
  turn: ProvenTurn,
  turns: readonly ProvenTurn[],
  parts: OracleParts,
  counts: ProofCounts,
): void {
  const { told, ask, posted, output, parent } = turn;
  const where = `turn ${told.index} (${ask.id})`;
  const kept = keptBefore(told, parent);
  assert.deepEqual(posted.slice(0, kept.length), kept, `${where} goes on with its parent's ids`);
  assert.equal(told.prompt_tokens, posted.length - kept.length, `${where}: length of the delta`);
  assert.equal(told.output_tokens, output.ids.length, `${where}: length of the output`);
  assert.equal(told.posted_hash, hashOf(turn), `${where}: the hash names what was POSTed`);
  const statuses: Readonly<Record<string, string>> = { stop: "completed", length: "truncated" };
  const status = statuses[output.finish ?? "abort"] ?? "aborted";
  // A pause that came when the last token allowed was there is the end of the budget.
  const isFull = output.ids.length === ask.body.max_tokens;
  assert.ok(told.status === status || (isFull && told.status === "truncated"), `${where}: ${told.status}`);
  if (told.dropped_tokens > 0) checkTrim(turn, parts, counts);
  checkMessages(turn, parts, where);
  checkDelta(turn, turns, parts, where);
  if (turn.isAnswered) assert.ok(told.delivered, `${where} was delivered`);
  else if (!ask.isRace) assert.ok(!told.delivered, `${where} was not delivered`);
  counts.turns++;
  if (parent !== null) counts.extended++;
}

/** The chain of hashes, by its definition, from the root on. */
function hashOf({ told, parent, posted, output: _ }: ProvenTurn): string {
  const hash = createHash("sha256");
  const kept = keptBefore(told, parent);
  if (parent !== null) hash.update(hashOf(parent), "hex").update(bytesOf(kept.slice(parent.posted.length)));
  return hash.update(bytesOf(posted.slice(kept.length))).digest("hex");
}

function bytesOf(ids: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * ids.length));
  ids.forEach((id, i) => view.setUint32(4 * i, id, true));
  return new Uint8Array(view.buffer);
}

/** Only one id may be left out, and it ended its turn. */
function checkTrim({ told, parent }: ProvenTurn, { tokenizer }: OracleParts, counts: ProofCounts): void {
  counts.trims++;
  assert.equal(told.dropped_tokens, 1);
  const last = parent!.output.ids.at(-1)!;
  const asked = (parent!.ask.body.stop_token_ids ?? []) as number[];
  assert.ok(tokenizer.isSpecial(last) || asked.includes(last), `only a stop token is trimmed, not ${last}`);
}

/**
 * The path's messages are those of the request: nothing of another conversation, nothing past an edit. Where they are not, the
 * template must make the same text of both, as when it leaves reasoning out.
 */
function checkMessages(turn: ProvenTurn, parts: OracleParts, where: string): void {
  const { parent, ask } = turn;
  const own = messagesOf(turn);
  const isSame = meanSame(own, ask.messages) ||
    rendered(parts, own, ask) === rendered(parts, ask.messages, ask);
  assert.ok(isSame, `${where}: messages are the request's\n${JSON.stringify([own, ask.messages], null, 1)}`);
  if (parent === null) return;
  const branch = ({ body }: Ask) => [body.tools ?? null, body.chat_template_kwargs ?? {}];
  assert.deepEqual(branch(ask), branch(parent.ask), `${where}: tools and arguments are its parent's`);
}

/** What was encoded for the turn is the template's text, cut and encoded as it would be alone. */
function checkDelta(turn: ProvenTurn, turns: readonly ProvenTurn[], parts: OracleParts, where: string): void {
  const { tokenizer } = parts;
  const { told, parent, posted, ask } = turn;
  const text = rendered(parts, messagesOf(turn), ask);
  const delta = posted.slice(posted.length - told.prompt_tokens);
  if (parent === null) {
    assert.equal(tokenizer.decode(posted), text, `${where}: the prompt is the template's`);
    checkRootIds(turn, turns, parts, where);
    return;
  }
  const deltaText = tokenizer.decode(delta);
  assert.deepEqual(
    [...delta],
    [...tokenizer.encodeContinuation(deltaText)],
    `${where}: the delta is canonical`,
  );
  const header = deltaText.slice(deltaText.indexOf("<|im_start|>"));
  assert.ok(text.endsWith(header), `${where}: the delta is the end of the prompt`);
}

/** A prompt that begins anew is encoded whole, or behind tokens of its own session that have the same text. */
function checkRootIds(
  { told, posted }: ProvenTurn,
  turns: readonly ProvenTurn[],
  { tokenizer }: OracleParts,
  where: string,
): void {
  const isEncodedFrom = (cut: number) => {
    const rest = posted.slice(cut);
    return isEqual(
      rest,
      cut === 0
        ? tokenizer.encode(tokenizer.decode(rest))
        : tokenizer.encodeContinuation(tokenizer.decode(rest)),
    );
  };
  if (isEncodedFrom(0)) return;
  const lent = Math.max(
    ...turns.slice(0, told.index).map(({ posted: before, output }) =>
      commonPrefix([...before, ...output.ids], posted)
    ),
  );
  const cuts = Array.from({ length: Math.max(lent, 0) }, (_, i) => lent - i);
  assert.ok(cuts.some(isEncodedFrom), `${where}: ids are encoded, or of this session: ${posted}`);
}

function commonPrefix(left: readonly number[], right: readonly number[]): number {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return length;
}

function rendered({ template }: OracleParts, messages: readonly JsonObject[], { body }: Ask): string {
  return template.render({
    ...(body.chat_template_kwargs ?? {}) as JsonObject,
    messages: messages.map(forTemplate),
    tools: (body.tools ?? null) as JsonObject[] | null,
    add_generation_prompt: true,
  });
}

/** As `transformers` users prepare them: arguments as objects, one string for text. */
function forTemplate(message: JsonObject): unknown {
  const { content, tool_calls: calls } = message;
  const text = Array.isArray(content)
    ? content.map((part) => (part as JsonObject).text).join("\n")
    : content ?? "";
  const withObject = (call: JsonObject) => {
    const called = call.function as { arguments: string };
    return { ...call, function: { ...called, arguments: argumentsOf(called.arguments) } };
  };
  const own = Array.isArray(calls) && calls.length > 0 ? (calls as JsonObject[]).map(withObject) : undefined;
  const reasoning = reasoningOf(message);
  return {
    ...message,
    content: text,
    ...(reasoning === null ? {} : { reasoning_content: reasoning }),
    ...(own === undefined ? {} : { tool_calls: own }),
  };
}

function argumentsOf(text: string): unknown {
  try {
    return text.trim() === "" ? {} : parseJson(text);
  } catch {
    return text;
  }
}

/** A history that nobody touched goes on with the very turn that it came from. */
export function checkAttachment(
  turn: ProvenTurn,
  turns: readonly ProvenTurn[],
  parts: OracleParts,
  counts: ProofCounts,
): void {
  const { ask, parent, told } = turn;
  const meant = turns.find((other) => other.told.turn_id === ask.continues);
  if (meant === undefined) return;
  const isSameBranch = isEqual(branchText(ask), branchText(meant.ask));
  counts.attached++;
  if (parent === meant) return void counts.reattached++;
  const where = `turn ${told.index} (${ask.id}) continues turn ${meant.told.index}`;
  if (parent === null) {
    const isReason = !isSameBranch || !parts.isAppendOnly;
    assert.ok(
      told.cause !== null && (isReason || told.cause === "best of n" || told.cause === "retry"),
      `${where}, but begins anew: ${told.cause}\n${JSON.stringify(told)}`,
    );
    return;
  }
  const [meantPath, path] = [meant, parent].map((each) => [...messagesOf(each), each.told.reply]);
  const isTwin = meanSame(meantPath!, path!);
  // A client that left has its own words for a reply it saw the beginning of, and they can be the very words of the ledger.
  const isDeeper = path!.length > meantPath!.length && meanSame(path!, ask.messages.slice(0, path!.length));
  if (isDeeper) return void counts.ambiguous++;
  // A turn that a retry has replaced gives way to it, and leaves no doubt.
  const isTold = ask.reply === null || ask.reply.ambiguity !== null || !isSameBranch || told.cause !== null ||
    meant.told.superseded;
  if (isTwin && isTold) return void counts.ambiguous++;
  assert.ok(!isSameBranch || !parts.isAppendOnly, `${where}, but stands below turn ${parent.told.index}`);
}

function branchText({ body }: Ask): string {
  return JSON.stringify([body.tools ?? null, body.chat_template_kwargs ?? {}]);
}

/** A turn gives way only to a later, delivered answer to the same request. */
export function checkSuperseded(turn: ProvenTurn, turns: readonly ProvenTurn[], counts: ProofCounts): void {
  // The path may be that of a turn whose copy says less: reasoning that the template leaves out.
  const sameRequest = (other: ProvenTurn) =>
    branchText(other.ask) === branchText(turn.ask) &&
    [messagesOf(turn), turn.ask.messages].some((own) => meanSame(own, other.ask.messages));
  if (turn.told.superseded) {
    counts.superseded++;
    assert.equal(turn.children.length, 0, "what is continued is not superseded");
    const heir = turns.find((other) =>
      other.told.index > turn.told.index && other.told.delivered && sameRequest(other)
    );
    assert.ok(heir !== undefined, `turn ${turn.told.index} gave way to nobody`);
    return;
  }
  if (turn.children.length > 0 || turn.ask.outcome !== "delivered") return;
  const heir = turns.find(({ ask, parent }) =>
    ask !== turn.ask && parent === turn.parent && ask.outcome === "delivered" &&
    ask.continues === turn.ask.continues &&
    ask.answeredBefore.includes(turn.ask) &&
    isEqual(JSON.stringify(ask.messages), JSON.stringify(turn.ask.messages)) &&
    branchText(ask) === branchText(turn.ask)
  );
  assert.ok(
    heir === undefined || heir.ask.reply!.ambiguity === "lineage" || heir.told.cause === "best of n",
    `turn ${turn.told.index} was retried by turn ${heir?.told.index} and still counts`,
  );
}
