/** What the engine adapter suite is made of: setups, requests, replies, and the truth to hold them against. */
import assert from "node:assert/strict";
import type { DecodedReply, EngineAdapter, TokenDelta, TokenRequest } from "../../../src/engine/adapter.ts";
import type { SampledOutput } from "../../../src/engine/engine.ts";
import { createSimulatedEngine, type SimulatedEngine } from "../../../src/engine/simulated/mod.ts";
import type { SimulatedEngineOptions } from "../../../src/engine/simulated/mod.ts";
import type { JsonObject } from "../../../src/types.ts";
import { loadTinyTokenizer } from "../tiny_tokenizer.ts";

/** The tiny tokenizer, loaded once. */
export const { tokenizer } = await loadTinyTokenizer();

/** An adapter and the engine it speaks to. */
export interface AdapterSetup {
  readonly name: string;
  readonly adapter: EngineAdapter;
  /** What makes the simulated engine speak this protocol. */
  readonly engine: Partial<SimulatedEngineOptions>;
  /** Whether replies carry text. */
  readonly tellsText: boolean;
  /** Whether the text has the stop and special tokens too. */
  readonly tellsWholeText: boolean;
  /** Path that requests for one sample go to. */
  readonly path: string;
}

/** A whole reply. */
export interface RawReply {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** What came of a stream. */
export interface StreamResult {
  readonly deltas: TokenDelta[];
  readonly outputs: SampledOutput[] | null;
  readonly failure: string | null;
}

/** An engine of this setup; its replies depend on seed and request only. */
export function engineOf(
  setup: AdapterSetup,
  options: Partial<SimulatedEngineOptions> = {},
): SimulatedEngine {
  return createSimulatedEngine({ tokenizer, seed: 5, splitProbability: 0.4, ...setup.engine, ...options });
}

/** A greedy request. */
export function requestFor(text: string, more: Partial<TokenRequest> = {}): TokenRequest {
  return {
    inputIds: tokenizer.encode(text),
    rid: "rid-1",
    stream: false,
    extra: {},
    ...more,
    sampling: { maxTokens: 24, temperature: 0, ...more.sampling },
  };
}

/** POSTs a request as the adapter writes it. */
export async function send(
  { adapter }: AdapterSetup,
  engine: SimulatedEngine,
  request: TokenRequest,
): Promise<RawReply> {
  const { path, body } = adapter.encode(request);
  const response = await engine.fetch(new Request(`http://engine${path}`, { method: "POST", body }));
  return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** What a plain reply decodes to. */
export async function ask(
  setup: AdapterSetup,
  engine: SimulatedEngine,
  request: TokenRequest,
): Promise<DecodedReply> {
  const { status, bytes } = await send(setup, engine, { ...request, stream: false });
  const { n, topLogprobs } = request.sampling;
  return setup.adapter.decode(status, bytes, n, topLogprobs);
}

/** The outputs of a plain reply. */
export async function outputsOf(
  setup: AdapterSetup,
  engine: SimulatedEngine,
  request: TokenRequest,
): Promise<SampledOutput[]> {
  const reply = await ask(setup, engine, request);
  if (reply.kind === "error") throw new Error(`Cannot generate: ${reply.status} ${reply.message}`);
  return reply.outputs;
}

/** The one output of a plain reply. */
export async function outputOf(setup: AdapterSetup, engine: SimulatedEngine, request: TokenRequest) {
  const [output] = await outputsOf(setup, engine, request);
  return output as SampledOutput;
}

/** Bytes of a streamed reply. */
export async function streamBytes(
  setup: AdapterSetup,
  engine: SimulatedEngine,
  request: TokenRequest,
): Promise<Uint8Array> {
  const { status, bytes } = await send(setup, engine, { ...request, stream: true });
  assert.equal(status, 200, new TextDecoder().decode(bytes));
  return bytes;
}

/** Reads a stream in pieces that `nextLength` decides. */
export function readStream(
  { adapter }: AdapterSetup,
  bytes: Uint8Array,
  sampling: TokenRequest["sampling"] = {},
  nextLength: () => number = () => bytes.length,
): StreamResult {
  const stream = adapter.openStream(sampling.n, sampling.topLogprobs);
  const deltas: TokenDelta[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = nextLength();
    deltas.push(...stream.push(bytes.subarray(at, at + length)));
    at += length;
  }
  stream.end();
  assert.equal(stream.done, stream.failure === null);
  return { deltas, outputs: stream.outputs(), failure: stream.failure };
}

/** The deltas of a stream, joined by sample, as far as an output tells the same. */
export function joined(deltas: readonly TokenDelta[], sampleCount = 1) {
  return Array.from({ length: sampleCount }, (_, index) => {
    const own = deltas.filter((delta) => delta.index === index);
    const ended = own.filter(({ finishReason }) => finishReason !== null);
    assert.ok(ended.length <= 1, "a sample ends once");
    return {
      tokenIds: own.flatMap(({ tokenIds }) => [...tokenIds]),
      logprobs: own.flatMap(({ logprobs }) => [...logprobs]),
      text: own.some(({ text }) => text === null) ? null : own.map(({ text }) => text).join(""),
      finishReason: ended[0]?.finishReason ?? null,
    };
  });
}

/** An output in the form of `joined()`. */
export function plainOf({ tokenIds, logprobs, text, finishReason }: SampledOutput) {
  return { tokenIds: [...tokenIds], logprobs: [...logprobs], text, finishReason };
}

/** What the engine sampled, asked for in SGLang's protocol and read without an adapter. */
export async function truth(
  options: Partial<SimulatedEngineOptions>,
  { inputIds, sampling }: TokenRequest,
): Promise<{ ids: number[]; logprobs: number[] }[]> {
  const engine = createSimulatedEngine({
    tokenizer,
    seed: 5,
    splitProbability: 0.4,
    ...options,
    protocol: "sglang",
  });
  const body: JsonObject = {
    input_ids: [...inputIds],
    return_logprob: true,
    sampling_params: {
      max_new_tokens: sampling.maxTokens ?? 1_000,
      temperature: sampling.temperature ?? 1,
      stop: [...sampling.stop ?? []],
      stop_token_ids: [...sampling.stopTokenIds ?? []],
      n: sampling.n ?? 1,
      seed: sampling.seed ?? null,
    },
  };
  const request = new Request("http://engine/generate", { method: "POST", body: JSON.stringify(body) });
  const reply = await (await engine.fetch(request)).json();
  return (Array.isArray(reply) ? reply : [reply]).map(({ output_ids, meta_info }) => ({
    ids: output_ids,
    logprobs: meta_info.output_token_logprobs.map(([logprob]: [number]) => logprob),
  }));
}

/** A JSON reply, changed. */
export function edited({ status, bytes }: RawReply, edit: (reply: JsonObject) => void): RawReply {
  const reply = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject;
  edit(reply);
  return { status, bytes: new TextEncoder().encode(JSON.stringify(reply)) };
}

/** A stream, its frames changed; `[DONE]` stays. */
export function editedFrames(bytes: Uint8Array, edit: (frames: JsonObject[]) => void): Uint8Array {
  const frames = new TextDecoder().decode(bytes).split("\n\n").slice(0, -2)
    .map((frame) => JSON.parse(frame.replace(/^data: /, "")) as JsonObject);
  edit(frames);
  const text = frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join("");
  return new TextEncoder().encode(`${text}data: [DONE]\n\n`);
}
