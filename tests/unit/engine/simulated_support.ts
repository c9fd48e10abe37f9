/** What the tests of the simulated engine share: engines on the tiny tokenizer, calls, and SSE frames read back. */
import { createSimulatedEngine, type SimulatedEngine } from "../../../src/engine/simulated/mod.ts";
import type { SimulatedEngineOptions, WireReply } from "../../../src/engine/simulated/mod.ts";
import type { JsonValue } from "../../../src/types.ts";
import { loadTinyTokenizer } from "../../support/tiny_tokenizer.ts";

/** The tiny tokenizer, loaded once. */
export const { tokenizer, chatTemplate } = await loadTinyTokenizer();

/** Id of a token that the tiny vocabulary surely has. */
export function idOf(content: string): number {
  const id = tokenizer.tokenToId(content);
  if (id === undefined) throw new RangeError(`Cannot find token "${content}"`);
  return id;
}

/** An engine on the tiny tokenizer; no splits unless asked for. */
export function engineWith(options: Partial<SimulatedEngineOptions> = {}): SimulatedEngine {
  return createSimulatedEngine({ tokenizer, splitProbability: 0, ...options });
}

/** Sends `body` to `path`. */
export function post(engine: SimulatedEngine, path: string, body: unknown, signal?: AbortSignal) {
  const init = { method: "POST", body: JSON.stringify(body), ...(signal ? { signal } : {}) };
  return engine.fetch(new Request(`http://engine${path}`, init));
}

/** A reply of `/generate` to `body`. */
export async function ask(engine: SimulatedEngine, body: unknown): Promise<WireReply> {
  const response = await post(engine, "/generate", body);
  const reply = await response.json();
  if (response.status !== 200) {
    throw new Error(`Cannot generate: ${response.status} ${JSON.stringify(reply)}`);
  }
  return reply;
}

/** The frames of a whole SSE text, `[DONE]` as a string. */
export function framesOf(sse: string): (WireReply | { error: { message: string } } | "[DONE]")[] {
  return sse.split("\n\n").filter((part) => part !== "").map((part) => {
    const data = part.replace(/^data: /, "");
    return data === "[DONE]" ? data : JSON.parse(data);
  });
}

/** The reply frames of a streamed `/generate`; checks that the stream ended with `[DONE]`. */
export async function askStream(engine: SimulatedEngine, body: object): Promise<WireReply[]> {
  const frames = framesOf(await (await post(engine, "/generate", { ...body, stream: true })).text());
  if (frames.pop() !== "[DONE]") throw new Error("Cannot read stream: it does not end with [DONE]");
  return frames as WireReply[];
}

/** A reply without what time and order decide, for comparisons. */
export function timeless(reply: WireReply): JsonValue {
  const { id: _id, e2e_latency: _latency, cached_tokens: _cached, ...meta } = reply.meta_info;
  return JSON.parse(JSON.stringify({ ...reply, meta_info: meta }));
}
