/**
 * Forwards `/generate`: reads along for what was sampled, and asks again when a weight update aborted the reply.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Context } from "hono";
import type { SampledOutput } from "../engine/engine.ts";
import { isPauseAbort, parseGenerateReply } from "../engine/sglang.ts";
import { GenerateStreamReader } from "../engine/sglang_stream.ts";
import { UpstreamTimeoutError } from "../errors.ts";
import type { Clock, JsonValue } from "../types.ts";
import { dispatch, type Dispatched } from "./dispatch.ts";
import { type Exchange, ExchangeTimeoutError } from "./exchange.ts";
import { type ForwardDeps, type OpenReply, outboundRequest, relayReply, tooLongReply } from "./forward.ts";
import type { GenerateExchange } from "./generate_exchange.ts";
import { readBytes, readRequestBody } from "./read_body.ts";
import type { RidEntry, RidTable } from "./rid_table.ts";
import type { RouterEnv } from "./router_env.ts";
import { GenerateRequest } from "./generate_request.ts";

/** Longest reply that is read whole. */
export const GENERATE_REPLY_BYTES_MAX = 512 * 1024 * 1024;
/** Chunks of a stream that are held back at most until its first event is known. */
const FIRST_CHUNKS_MAX = 64;

/** What forwarding generations needs beside the rest. */
export interface GenerateDeps extends ForwardDeps {
  readonly clock: Clock;
  readonly rids: RidTable;
  readonly onAbort: "retry" | "return";
  readonly abortRetries: number;
  readonly abortRetryWaitMs: number;
}

/** A reply and, as far as it has come, what it sampled. */
interface GenerateReply extends OpenReply {
  /** null: unknown as yet, or not asked. */
  readonly outputs: SampledOutput[] | null;
  /** Reads along a stream; null for whole replies. */
  readonly stream: GenerateStreamReader | null;
  /** The engine was paused, and nothing has gone to the client. */
  readonly isPaused: boolean;
}

const logger = getLogger(["slime-router", "generate"]);

/** Handles `POST` and `PUT /generate`. */
export function forwardGenerate(deps: GenerateDeps) {
  return async function generate(c: Context<RouterEnv>): Promise<Response> {
    const exchange = c.get("exchange");
    const generation = c.get("generate") ?? await uncached(c.req.raw, deps.maxBodyBytes);
    const outbound = outboundRequest(c, exchange, generation.body);
    const entry = deps.rids.add(generation.request.rid);
    exchange.onEnd(() => deps.rids.remove(entry));
    const receive = (response: Response) => receiveReply(response, generation, deps);
    for (let retries = 0;; retries++) {
      const dispatched = await dispatch(deps, outbound, exchange, receive, (worker) => entry.worker = worker);
      if (!dispatched.reply.isPaused || !mayRetry(deps, entry, retries)) {
        return await deliver(dispatched, generation, exchange, deps);
      }
      await discard(dispatched);
      entry.worker = null;
      deps.metrics.upstreamRetry("aborted by the engine");
      logger.info("Generation aborted by {url}, asking again in {waitMs} ms", {
        url: dispatched.worker.url,
        waitMs: deps.abortRetryWaitMs,
        requestId: exchange.id,
      });
      await waitToRetry(deps, exchange);
    }
  };
}

function mayRetry(deps: GenerateDeps, entry: RidEntry, retries: number): boolean {
  return deps.onAbort === "retry" && !entry.isAbortRequested && retries < deps.abortRetries;
}

async function waitToRetry({ clock, abortRetryWaitMs }: GenerateDeps, exchange: Exchange): Promise<void> {
  try {
    await exchange.blocked(clock.sleep(abortRetryWaitMs, exchange.signal));
  } catch (error) {
    if (!(error instanceof ExchangeTimeoutError)) throw error;
    throw new UpstreamTimeoutError(error.message, { cause: error });
  }
}

/** Without a cache the request is only checked; its bytes pass unchanged. */
async function uncached(request: Request, maxBodyBytes: number): Promise<GenerateExchange> {
  const parsed = GenerateRequest.parse(await readRequestBody(request, maxBodyBytes));
  return { request: parsed, body: parsed.body, onOutputs: null };
}

/** Takes a whole reply, or a stream up to its first event. */
async function receiveReply(
  response: Response,
  { request, onOutputs }: GenerateExchange,
  deps: GenerateDeps,
): Promise<GenerateReply> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (response.ok && isStream && response.body !== null) {
    return await openStream(response, response.body.getReader(), request.sampleCount);
  }
  const whole = await readBytes(response, GENERATE_REPLY_BYTES_MAX, tooLongReply);
  const outputs = response.ok ? readOutputs(whole, deps) : null;
  if (response.ok && outputs === null && onOutputs !== null) deps.metrics.parseFailed("generate reply");
  return {
    response,
    body: { first: [whole], reader: null },
    outputs,
    stream: null,
    isPaused: outputs?.some((output) => isPauseAbort(output.finishReason)) ?? false,
  };
}

async function openStream(
  response: Response,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  sampleCount: number,
): Promise<GenerateReply> {
  const stream = new GenerateStreamReader(sampleCount);
  const first: Uint8Array[] = [];
  // A reply that was aborted in the engine's queue is one frame and [DONE].
  while (!stream.hasEvent && first.length < FIRST_CHUNKS_MAX) {
    const { value } = await reader.read();
    if (value === undefined) break;
    first.push(value);
    stream.push(value);
  }
  const outputs = stream.outputs();
  const isPaused = isPauseAbort(stream.firstFinishReason);
  return { response, body: { first, reader }, outputs, stream, isPaused };
}

function readOutputs(body: Uint8Array, deps: GenerateDeps): SampledOutput[] | null {
  let value: JsonValue;
  try {
    value = JSON.parse(new TextDecoder().decode(body)) as JsonValue;
  } catch {
    deps.metrics.parseFailed("reply is no JSON");
    return null;
  }
  const outputs: SampledOutput[] = [];
  for (const reply of Array.isArray(value) ? value : [value]) {
    const output = parseGenerateReply(reply);
    if (output === null) return null;
    outputs.push(output);
  }
  return outputs;
}

/** Hands the reply to the client, recording what was sampled before its last byte leaves. */
async function deliver(
  dispatched: Dispatched<GenerateReply>,
  { request, onOutputs }: GenerateExchange,
  exchange: Exchange,
  deps: GenerateDeps,
): Promise<Response> {
  const { reply, worker } = dispatched;
  let isTold = false;
  const tell = async (outputs: SampledOutput[] | null) => {
    if (isTold || outputs === null) return;
    isTold = true;
    const version = outputs[0]?.versions.at(-1)?.version;
    if (version !== undefined && version !== null) worker.weightVersion = version;
    if (outputs.length !== request.sampleCount && onOutputs !== null) {
      deps.metrics.parseFailed("number of samples differs");
      return;
    }
    await onOutputs?.(outputs);
  };
  if (reply.stream === null) {
    await tell(reply.outputs);
    return relayReply(dispatched, exchange);
  }
  const stream = reply.stream;
  let held = reply.body.first.length;
  return relayReply(dispatched, exchange, async (chunk) => {
    // The first chunks were read when the stream was opened.
    if (held > 0) held--;
    else stream.push(chunk);
    if (stream.done && !isTold && onOutputs !== null) {
      const outputs = stream.outputs();
      if (outputs === null) deps.metrics.parseFailed("generate stream");
      await tell(outputs);
    }
  });
}

/** Drops a reply that will be asked for again. */
async function discard({ reply, lease }: Dispatched<GenerateReply>): Promise<void> {
  lease[Symbol.dispose]();
  await reply.body.reader?.cancel().catch(() => {});
}
