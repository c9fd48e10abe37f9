/**
 * A chat client as careless as real ones: it streams or not, leaves, and sends the history back as its libraries write it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { JsonObject, Random } from "../../../src/types.ts";
import { joined } from "../engine_ledger.ts";
import type { Harness } from "../router_harness.ts";
import { RENAMED } from "./meaning.ts";

/** How a request names its session. */
export type Naming = "path" | "header" | "metadata" | "key" | "messages";

/** One request and what became of it. */
export interface Ask {
  /** `x-request-id`. */
  readonly id: string;
  readonly session: string;
  readonly naming: Naming;
  readonly body: JsonObject;
  readonly messages: readonly JsonObject[];
  /** The turn whose reply is the last one of an untouched history; null: none, or nobody knows. */
  readonly continues: string | null;
  /** Requests of this session that were answered before this one was sent. */
  readonly answeredBefore: readonly Ask[];
  readonly idempotencyKey: string | null;
  /** Requests of one key, this one included, in the order they were sent. */
  readonly ofKey: Ask[];
  outcome: "open" | "delivered" | "left" | "failed";
  /** The client may have left after the last byte was on its way. */
  isRace: boolean;
  status: number;
  /** What the router said when it refused. */
  error: string | null;
  reply: Reply | null;
}

/** What a client made of a reply. */
export interface Reply {
  readonly sessionId: string;
  readonly turnIds: readonly (string | null)[];
  readonly cause: string | null;
  readonly ambiguity: string | null;
  readonly choices: readonly ReplyChoice[];
  readonly promptIds: readonly number[];
  readonly usage: JsonObject | null;
}

/** One choice of a reply. */
export interface ReplyChoice {
  readonly message: JsonObject;
  readonly finishReason: string;
  readonly tokenIds: readonly number[];
}

/** When a client leaves. */
export interface Leaving {
  /** Chunks of the body that it reads before. */
  readonly afterChunks: number;
  /** It leaves while the next chunk is on its way, after so many turns of the microtask queue; null: it does not ask for it. */
  readonly readingTicks: number | null;
}

/** Sends a request and reads as much of the reply as the client wants. */
export async function send(harness: Harness, ask: Ask, leaving: Leaving | null): Promise<void> {
  const { naming, session, body } = ask;
  const path = naming === "path" ? `/sessions/${session}/v1/chat/completions` : "/v1/chat/completions";
  const headers: Record<string, string> = { "x-request-id": ask.id };
  if (naming === "header") headers["x-session-id"] = session;
  if (naming === "key") headers.authorization = `Bearer session:${session}`;
  if (ask.idempotencyKey !== null) headers["idempotency-key"] = ask.idempotencyKey;
  const named = naming === "metadata" ? { ...body, metadata: { session_id: session } } : body;
  const response = await harness.post(path, named, { headers });
  ask.status = response.status;
  const bytes = await readBody(response, body.stream === true ? leaving : null, ask);
  if (bytes === null) return;
  ask.outcome = "failed";
  const text = new TextDecoder().decode(bytes);
  if (response.status !== 200) {
    const { error } = JSON.parse(text);
    ask.error = error.message;
    assert.equal(typeof error.message, "string", `an error in OpenAI's shape: ${text.slice(0, 200)}`);
    return;
  }
  ask.reply = body.stream === true ? streamed(text) : whole(JSON.parse(text));
  if (ask.reply !== null) ask.outcome = "delivered";
}

/** Null when the client left. */
async function readBody(response: Response, leaving: Leaving | null, ask: Ask): Promise<Uint8Array | null> {
  const reader = response.body!.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    if (
      leaving !== null && response.status === 200 && chunks.length >= leaving.afterChunks && !isWhole(chunks)
    ) {
      ask.outcome = "left";
      ask.isRace = leaving.readingTicks !== null;
      const next = leaving.readingTicks === null ? null : reader.read().catch(() => {});
      for (let tick = 0; tick < (leaving.readingTicks ?? 0); tick++) await Promise.resolve();
      await reader.cancel();
      await next;
      return null;
    }
    const { value } = await reader.read();
    if (value === undefined) return joined(chunks);
    chunks.push(value);
  }
}

function isWhole(chunks: readonly Uint8Array[]): boolean {
  return new TextDecoder().decode(joined(chunks)).endsWith("data: [DONE]\n\n");
}

function whole(body: JsonObject): Reply {
  const choices = (body.choices as JsonObject[]).map((choice) => ({
    message: choice.message as JsonObject,
    finishReason: choice.finish_reason as string,
    tokenIds: choice.token_ids as number[],
  }));
  return {
    ...noteOf([body]),
    choices,
    promptIds: body.prompt_token_ids as number[],
    usage: body.usage as JsonObject,
  };
}

/** Null when the stream told an error. */
function streamed(text: string): Reply | null {
  assert.ok(text.endsWith("data: [DONE]\n\n"), `a stream ends with its mark: ${text.slice(-200)}`);
  const chunks: JsonObject[] = text.split("\n\n").slice(0, -2).map((frame) => JSON.parse(frame.slice(6)));
  if (chunks.some(({ error }) => error !== undefined)) return null;
  const parts = chunks.flatMap(({ choices }) => choices as JsonObject[]);
  const count = 1 + Math.max(...parts.map(({ index }) => index as number));
  const choices = Array.from({ length: count }, (_, index) => {
    const own = parts.filter((part) => part.index === index);
    return {
      message: messageOf(own.map(({ delta }) => delta as JsonObject)),
      finishReason: own.at(-1)!.finish_reason as string,
      tokenIds: own.flatMap(({ token_ids }) => token_ids as number[]),
    };
  });
  const usage = (chunks.at(-1)!.usage ?? null) as JsonObject | null;
  return { ...noteOf(chunks), choices, promptIds: chunks[0]!.prompt_token_ids as number[], usage };
}

function noteOf(bodies: readonly JsonObject[]): Pick<Reply, "sessionId" | "turnIds" | "cause" | "ambiguity"> {
  const notes = bodies.flatMap(({ slime }) => slime === undefined ? [] : [slime as JsonObject]);
  return {
    sessionId: notes[0]!.session_id as string,
    turnIds: notes.flatMap(({ turn_ids }) => turn_ids as string[]),
    cause: notes[0]!.cause as string | null,
    ambiguity: notes[0]!.ambiguity as string | null,
  };
}

/** Puts deltas together as OpenAI's clients do. */
function messageOf(deltas: readonly JsonObject[]): JsonObject {
  const text = (field: string) => deltas.map((delta) => (delta[field] as string | undefined) ?? "").join("");
  const calls: JsonObject[] = [];
  for (const part of deltas.flatMap((delta) => (delta.tool_calls ?? []) as JsonObject[])) {
    const called = part.function as { name?: string; arguments: string };
    const known = calls[part.index as number] ??= {
      id: part.id!,
      type: part.type!,
      function: { name: called.name!, arguments: "" },
    };
    (known.function as { arguments: string }).arguments += called.arguments;
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

/** A history as some library writes it: it means the same. */
export function lossy(messages: readonly JsonObject[], random: Random): JsonObject[] {
  const renames = random() < 0.15;
  return messages.map((message) => {
    if (message.role === "tool") {
      return renames ? { ...message, tool_call_id: `${RENAMED}${message.tool_call_id}` } : message;
    }
    return message.role === "assistant" ? lossyReply(message, random, renames) : message;
  });
}

function lossyReply(message: JsonObject, random: Random, renames: boolean): JsonObject {
  let copy: JsonObject = { ...message };
  const calls = message.tool_calls as JsonObject[] | undefined;
  const { reasoning_content: reasoning, ...rest } = copy;
  const said = random();
  if (said < 0.5) copy = rest;
  else if (said < 0.65 && reasoning !== undefined) {
    copy = { ...rest, [said < 0.6 ? "reasoning" : "thinking"]: reasoning };
  }
  if (calls !== undefined) {
    if (copy.content === null && random() < 0.5) copy.content = "";
    else if (copy.content === null && random() < 0.3) delete copy.content;
    copy.tool_calls = calls.map((call) => lossyCall(call, random, renames));
  } else if (random() < 0.2) copy.tool_calls = random() < 0.5 ? null : [];
  if (typeof copy.content === "string" && copy.content !== "" && random() < 0.1) {
    copy.content = [{ type: "text", text: copy.content }];
  }
  if (random() < 0.3) copy = { ...copy, refusal: null, function_call: null };
  return random() < 0.3 ? Object.fromEntries(Object.entries(copy).reverse()) : copy;
}

function lossyCall(call: JsonObject, random: Random, renames: boolean): JsonObject {
  const called = call.function as { name: string; arguments: string };
  const written = random() < 0.6 ? rewritten(called.arguments, random) : called.arguments;
  return {
    ...(random() < 0.5 ? { type: "function" } : {}),
    function: { arguments: written, name: called.name },
    id: renames ? `${RENAMED}${call.id}` : call.id!,
  };
}

/** The same arguments from another library. */
function rewritten(text: string, random: Random): string {
  try {
    const value = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    const turned = isObject && random() < 0.5 ? Object.fromEntries(Object.entries(value).reverse()) : value;
    return JSON.stringify(turned, null, random() < 0.3 ? 2 : undefined);
  } catch {
    return text;
  }
}
