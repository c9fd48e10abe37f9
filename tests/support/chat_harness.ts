/**
 * A chat gateway over simulated engines, and what passed over the wire: the oracle of token exactness.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NativeExport, NativeRow } from "../../src/trajectory/export/mod.ts";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { joined, type LedgerEntry, type LedgerOutput, readOutput, recordingFetch } from "./engine_ledger.ts";
import { createHarness, type Harness, type HarnessOptions } from "./router_harness.ts";

/** A harness that writes down each generation. */
export interface ChatHarness extends Harness {
  readonly wire: LedgerEntry[];
  /** POSTs a chat and reads a reply of 200. */
  chat(body: JsonObject, session?: string): Promise<ChatReply>;
  /** The same, streamed and put together again. */
  chatStream(body: JsonObject, session?: string): Promise<ChatReply>;
  samples(session: string): Promise<NativeExport>;
}

/** A reply as tests look at it. */
export interface ChatReply {
  readonly message: JsonObject;
  readonly finishReason: string;
  readonly tokenIds: readonly number[];
  readonly promptIds: readonly number[];
  readonly sessionId: string;
  readonly turnId: string;
  readonly body: JsonObject;
}

/** Makes one. Ids are always asked for. */
export async function createChatHarness(options: HarnessOptions = {}): Promise<ChatHarness> {
  const wire: LedgerEntry[] = [];
  const wrapFetch = (fetch: Fetch) => recordingFetch(options.wrapFetch?.(fetch) ?? fetch, wire);
  const harness = await createHarness({ ...options, wrapFetch });
  const path = (session?: string) =>
    session === undefined ? "/v1/chat/completions" : `/sessions/${session}/v1/chat/completions`;
  return Object.assign(harness, {
    wire,
    async chat(body: JsonObject, session?: string) {
      return wholeReply(await harness.postOk(path(session), { return_token_ids: true, ...body }));
    },
    async chatStream(body: JsonObject, session?: string) {
      const response = await harness.post(path(session), { return_token_ids: true, ...body, stream: true });
      assert.equal(response.status, 200);
      return streamedReply(chunksOf(await response.text()));
    },
    samples: async (session: string) =>
      await harness.postOk(`/sessions/${session}/samples`, {}) as unknown as NativeExport,
  });
}

/** The chunks of a stream that ended as it should. */
export function chunksOf(text: string): JsonObject[] {
  assert.ok(text.endsWith("data: [DONE]\n\n"), text.slice(-200));
  return text.split("\n\n").slice(0, -2).map((frame) => JSON.parse(frame.replace(/^data: /, "")));
}

function wholeReply(body: JsonObject): ChatReply {
  const [choice] = body.choices as JsonObject[];
  return {
    message: choice!.message as JsonObject,
    finishReason: choice!.finish_reason as string,
    tokenIds: choice!.token_ids as number[],
    promptIds: body.prompt_token_ids as number[],
    ...placeOf(body),
    body,
  };
}

function streamedReply(chunks: readonly JsonObject[]): ChatReply {
  const choices = chunks.flatMap((chunk) => chunk.choices as JsonObject[]);
  const last = chunks.findLast((chunk) => chunk.slime !== undefined)!;
  return {
    message: messageOf(choices.map(({ delta }) => delta as JsonObject)),
    finishReason: choices.findLast(({ finish_reason }) => finish_reason !== null)!.finish_reason as string,
    tokenIds: choices.flatMap(({ token_ids }) => token_ids as number[]),
    promptIds: chunks[0]!.prompt_token_ids as number[],
    ...placeOf(last),
    body: last,
  };
}

function placeOf({ slime }: JsonObject): { sessionId: string; turnId: string } {
  const { session_id, turn_id } = slime as JsonObject;
  return { sessionId: session_id as string, turnId: turn_id as string };
}

/** Puts deltas together as OpenAI's clients do. */
function messageOf(deltas: readonly JsonObject[]): JsonObject {
  const text = (field: string) => deltas.map((delta) => (delta[field] as string | undefined) ?? "").join("");
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const part of deltas.flatMap((delta) => (delta.tool_calls ?? []) as JsonObject[])) {
    const called = part.function as { name?: string; arguments: string };
    const index = part.index as number;
    calls[index] ??= {
      id: part.id as string,
      type: part.type as string,
      function: { name: called.name!, arguments: "" },
    };
    calls[index].function.arguments += called.arguments;
  }
  const content = text("content");
  const reasoning = text("reasoning_content");
  return {
    role: "assistant",
    content: content === "" && calls.length > 0 ? null : content,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** What the wire has of a turn: its prompt, and what was sampled after it. */
function outputsAfter(wire: readonly LedgerEntry[], prompt: readonly number[]): LedgerOutput[] {
  return wire.filter(({ promptIds }) => equal(promptIds, prompt)).flatMap(({ chunks }) => {
    const bytes = joined(chunks);
    const output = readOutput(bytes, new TextDecoder().decode(bytes.subarray(0, 5)) === "data:");
    return output === null ? [] : [output];
  });
}

/** Asserts that every row says what passed over the wire, token by token. Returns the number of sampled tokens. */
export function assertMatchesWire(wire: readonly LedgerEntry[], native: NativeExport): number {
  let checked = 0;
  for (const row of native.rows) {
    for (const link of row.chain) {
      checked += checkTurn(wire, row, link.turn, row.tokens.slice(0, link.posted));
    }
  }
  const dropped = Object.values(native.dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(native.captured, native.exported + dropped);
  assert.equal(checked, native.exported);
  return checked;
}

function checkTurn(
  wire: readonly LedgerEntry[],
  row: NativeRow,
  turn: number,
  prompt: readonly number[],
): number {
  const at = row.turns.flatMap((each, index) => each === turn ? [index] : []);
  const ids = at.map((index) => row.tokens[index]);
  const outputs = outputsAfter(wire, prompt);
  assert.ok(outputs.length > 0, `turn ${turn}: its prompt was never POSTed`);
  const output = outputs.find((each) => equal(each.ids.slice(0, ids.length), ids as number[]));
  assert.ok(output !== undefined, `turn ${turn}: nobody sampled ${ids}`);
  assert.ok(output.ids.length - ids.length <= 1, "at most the stop token is left out");
  const trained = at.filter((index) => row.loss_mask[index] === 1);
  trained.forEach((index) => {
    assert.equal(row.logprobs[index], output.logprobs[index - at[0]!]);
    assert.equal(row.versions[index], output.versions[index - at[0]!]);
  });
  return trained.length;
}

function equal(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((id, index) => id === right[index]);
}
