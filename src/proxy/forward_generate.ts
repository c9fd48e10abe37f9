/**
 * Forwards `/generate`: reads along for what was sampled, and asks again when a weight update aborted the reply.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Context } from "hono";
import type { SampledOutput } from "../engine/engine.ts";
import { isPauseAbort } from "../engine/sglang.ts";
import { parseGenerateBody } from "../engine/sglang_reply_bytes.ts";
import { GenerateStreamReader } from "../engine/sglang_stream.ts";
import type { BodyReader, Clock, WorkerReply } from "../types.ts";
import type { WorkerState } from "../worker/worker_state.ts";
import { dispatch, type Dispatched, isEventStream } from "./dispatch.ts";
import type { Exchange } from "./exchange.ts";
import {
  type ForwardDeps,
  type OpenReply,
  outboundRequest,
  relayReply,
  tooLongReply,
  watchEnd,
} from "./forward.ts";
import type { GenerateExchange } from "./generate_exchange.ts";
import { readBytes, readRequestBody } from "./read_body.ts";
import { readerOf } from "./relay.ts";
import type { RidEntry, RidTable } from "./rid_table.ts";
import type { RouterEnv } from "./router_env.ts";
import { GenerateRequest } from "./generate_request.ts";

/** Longest reply that is read whole. */
export const GENERATE_REPLY_BYTES_MAX = 512 * 1024 * 1024;
/** Bytes of a stream that are held back at most until its first event is known, however small the chunks. */
export const FIRST_EVENT_BYTES_MAX = 16 * 1024 * 1024;

/** Longest request and reply that stay in memory for the sake of their shapes. */
const KEPT_BYTES_MAX = 64 * 1024;

/** What forwarding generations needs beside the rest. */
export interface GenerateDeps extends ForwardDeps {
  readonly clock: Clock;
  readonly rids: RidTable;
  /** "resume" is for chat only; here it means "retry". */
  readonly onAbort: "resume" | "retry" | "return";
  readonly abortRetries: number;
  readonly abortRetryWaitMs: number;
}

/** A reply and, as far as it has come, what it sampled. */
interface GenerateReply extends OpenReply {
  /** null for streams, failures, and what is no generate reply. */
  readonly outputs: SampledOutput[] | null;
  /** Reads along a stream; null for whole replies. */
  readonly stream: GenerateStreamReader | null;
  /** The engine was paused, and nothing has gone to the client. */
  readonly isPaused: boolean;
}

const logger = getLogger(["slime-router", "generate"]);

/** Handles `POST` and `PUT /generate`. */
export function forwardGenerate(deps: GenerateDeps) {
  /**
   * The last short exchange, with all that was made for it. V8 throws away compiled code that knows of a kind of object of
   * which none is left, and it looks for that seconds after the last request: the first seconds after every pause would
   * cost two to three times as much.
   */
  const kept: { context: unknown; reply: unknown } = { context: null, reply: null };
  return async function generate(c: Context<RouterEnv>): Promise<Response> {
    const exchange = c.get("exchange");
    const generation = c.get("generate") ?? await uncached(c.req.raw, deps.maxBodyBytes, exchange);
    const outbound = outboundRequest(c, exchange, generation.body, true);
    const entry = deps.rids.add(generation.request.rid);
    exchange.onEnd(() => deps.rids.remove(entry));
    watchEnd(deps, exchange);
    const receive = (response: WorkerReply) => receiveReply(response, generation, deps);
    for (let retries = 0;; retries++) {
      const dispatched = await dispatch(deps, outbound, exchange, receive, (worker) => entry.worker = worker);
      if (!dispatched.reply.isPaused || !mayRetry(deps, entry, retries)) {
        if (isShort(generation, dispatched.reply)) {
          kept.context = c;
          kept.reply = dispatched;
        }
        return await deliver(dispatched, generation, exchange, deps);
      }
      // The aborted reply is kept until the wait is over: it is the answer if the client asks to abort meanwhile.
      dispatched.lease[Symbol.dispose]();
      entry.worker = null;
      deps.metrics.upstreamRetry("aborted by the engine");
      logger.info("Generation aborted by {url}, asking again in {waitMs} ms", {
        url: dispatched.worker.url,
        waitMs: deps.abortRetryWaitMs,
        requestId: exchange.id,
      });
      await waitToRetry(deps, entry, exchange);
      if (entry.isAbortRequested) return await deliver(dispatched, generation, exchange, deps);
      await dispatched.reply.body.reader?.cancel().catch(() => {});
    }
  };
}

function isShort({ body }: GenerateExchange, reply: GenerateReply): boolean {
  return reply.body.reader === null && body.length + (reply.body.first[0]?.length ?? 0) <= KEPT_BYTES_MAX;
}

function mayRetry(deps: GenerateDeps, entry: RidEntry, retries: number): boolean {
  return deps.onAbort !== "return" && !entry.isAbortRequested && retries < deps.abortRetries;
}

/** Waits for the engine to come back; ends early when the client asks to abort. @throws the exchange's signal's reason */
export async function waitToRetry(
  { clock, abortRetryWaitMs }: Pick<GenerateDeps, "clock" | "abortRetryWaitMs">,
  entry: RidEntry,
  exchange: Exchange,
): Promise<void> {
  const wake = new AbortController();
  entry.onAbortRequested = () => wake.abort();
  const wait = clock.sleep(abortRetryWaitMs, AbortSignal.any([exchange.signal, wake.signal]));
  try {
    await exchange.blocked(wait);
  } catch (error) {
    if (!wake.signal.aborted) throw error;
  } finally {
    entry.onAbortRequested = null;
  }
}

/** Without a cache the request is only checked; its bytes pass unchanged. */
async function uncached(
  request: Request,
  maxBodyBytes: number,
  exchange: Exchange,
): Promise<GenerateExchange> {
  const parsed = GenerateRequest.parse(await readRequestBody(request, maxBodyBytes, exchange));
  return { request: parsed, body: parsed.body, onOutputs: null };
}

/** Takes a whole reply, or a stream up to its first event. */
async function receiveReply(
  response: WorkerReply,
  { request, onOutputs }: GenerateExchange,
  deps: GenerateDeps,
): Promise<GenerateReply> {
  const reader = response.ok && isEventStream(response) ? readerOf(response) : null;
  if (reader !== null) return await openStream(response, reader, request.sampleCount);
  const whole = await readBytes(response, GENERATE_REPLY_BYTES_MAX, tooLongReply);
  const outputs = response.ok ? parseGenerateBody(whole) : null;
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
  response: WorkerReply,
  reader: BodyReader,
  sampleCount: number,
): Promise<GenerateReply> {
  const stream = new GenerateStreamReader(sampleCount);
  const first: Uint8Array[] = [];
  let heldBytes = 0;
  // A reply that was aborted in the engine's queue is one frame and [DONE].
  while (!stream.hasEvent && heldBytes < FIRST_EVENT_BYTES_MAX) {
    const { value } = await reader.read();
    if (value === undefined) break;
    first.push(value);
    heldBytes += value.length;
    stream.push(value);
  }
  const isPaused = isPauseAbort(stream.firstFinishReason);
  return { response, body: { first, reader }, outputs: null, stream, isPaused };
}

/** Hands the reply to the client, recording what was sampled before its last byte leaves. */
async function deliver(
  dispatched: Dispatched<GenerateReply>,
  generation: GenerateExchange,
  exchange: Exchange,
  deps: GenerateDeps,
): Promise<Response> {
  const { reply, worker } = dispatched;
  if (reply.stream !== null) return deliverStream(dispatched, reply.stream, generation, exchange, deps);
  if (reply.outputs !== null) await tell(reply.outputs, worker, generation, deps);
  return relayReply(dispatched, exchange);
}

function deliverStream(
  dispatched: Dispatched<GenerateReply>,
  stream: GenerateStreamReader,
  generation: GenerateExchange,
  exchange: Exchange,
  deps: GenerateDeps,
): Response {
  if (generation.onOutputs === null) return relayReply(dispatched, exchange);
  let isTold = false;
  // The first chunks were read when the stream was opened.
  let held = dispatched.reply.body.first.length;
  exchange.onEnd((_, end) => {
    if (isTold || end !== "done") return;
    deps.metrics.parseFailed("generate stream");
    logger.warn("Stream of {url} is not recorded: {reason}", {
      url: dispatched.worker.url,
      reason: stream.failure ?? "it ended before [DONE] and before a finish reason",
      requestId: exchange.id,
    });
  });
  return relayReply(dispatched, exchange, (chunk) => {
    if (held > 0) held--;
    else stream.push(chunk);
    if (isTold || !stream.isComplete) return;
    const outputs = stream.outputs();
    if (outputs === null) return;
    isTold = true;
    return tell(outputs, dispatched.worker, generation, deps);
  });
}

function tell(
  outputs: SampledOutput[],
  worker: WorkerState,
  { request, onOutputs }: GenerateExchange,
  { metrics }: GenerateDeps,
): Promise<void> | void {
  const version = outputs[0]?.versions.at(-1)?.version;
  if (version !== undefined && version !== null) worker.weightVersion = version;
  if (onOutputs === null) return;
  if (outputs.length === request.sampleCount) return onOutputs(outputs);
  metrics.parseFailed("number of samples differs");
}
