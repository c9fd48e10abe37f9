/**
 * One prompt on its way through the engines: sent, read, and sent again when a weight update broke it off.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { EngineAdapter, TokenDelta, TokenRequest } from "../../engine/adapter.ts";
import type { SampledOutput } from "../../engine/engine.ts";
import { resumeRequest } from "../../engine/resume.ts";
import { isPauseAbort } from "../../engine/sglang.ts";
import { stampVersion } from "../../engine/versions.ts";
import { UpstreamError } from "../../errors.ts";
import { joinOutputs } from "../../trajectory/join_outputs.ts";
import type { BodyReader, WorkerReply } from "../../types.ts";
import { untilAborted } from "../../sync/until_aborted.ts";
import type { ContextLength } from "../../worker/context_length.ts";
import type { WorkerState } from "../../worker/worker_state.ts";
import { dispatch, isEventStream } from "../dispatch.ts";
import type { Exchange } from "../exchange.ts";
import { type ForwardDeps, tooLongReply } from "../forward.ts";
import { GENERATE_REPLY_BYTES_MAX, type GenerateDeps, waitToRetry } from "../forward_generate.ts";
import type { HeaderPairs } from "../headers.ts";
import { readBytes } from "../read_body.ts";
import { readerOf } from "../relay.ts";
import type { RidEntry } from "../rid_table.ts";
import { EngineReplyError } from "./chat_error.ts";
import { grammarField, isGrammar } from "./tool_choice.ts";

/** What sampling needs. */
export interface SamplingDeps extends ForwardDeps, GenerateDeps {
  readonly adapter: EngineAdapter;
  readonly context: ContextLength;
}

/** A reply's beginning, or all of it. */
type EngineReply =
  | {
    readonly kind: "stream";
    /** The first chunk; undefined: there is none. */
    readonly first: Uint8Array | undefined;
    readonly reader: BodyReader;
  }
  | { readonly kind: "whole"; readonly status: number; readonly bytes: Uint8Array };

/** What one request came to. */
interface Attempt {
  readonly outputs: readonly SampledOutput[];
  /** Its deltas were told already. */
  readonly isTold: boolean;
}

/** What is to be done with it. */
type AfterPause =
  | { readonly do: "end"; readonly outputs: readonly SampledOutput[] }
  | { readonly do: "resume" | "retry"; readonly request: TokenRequest };

const logger = getLogger(["slime-router", "chat"]);
const HTTP_OK = 200;

/** Samples one prompt. Iterate {@link deltas} to its end, then read {@link outputs}. */
export class Sampling {
  readonly #request: TokenRequest;
  readonly #headers: HeaderPairs;
  readonly #exchange: Exchange;
  readonly #deps: SamplingDeps;
  readonly #entry: RidEntry;
  readonly #sampleCount: number;
  #outputs: readonly SampledOutput[] | null = null;
  #sampledTokens = 0;

  constructor(request: TokenRequest, headers: HeaderPairs, exchange: Exchange, deps: SamplingDeps) {
    this.#request = request;
    this.#headers = headers;
    this.#exchange = exchange;
    this.#deps = deps;
    this.#sampleCount = request.sampling.n ?? 1;
    this.#entry = deps.rids.add(request.rid);
    exchange.onEnd(() => deps.rids.remove(this.#entry));
  }

  /** What was sampled, one a sample, once {@link deltas} is through. */
  get outputs(): readonly SampledOutput[] {
    if (this.#outputs === null) throw new Error("Cannot read outputs: the sampling is not over");
    return this.#outputs;
  }

  /**
   * What was sampled, as it comes. A pause that is gone over is not told: its delta has no finish reason.
   *
   * @throws {EngineReplyError} when the engine refuses, and what `dispatch` throws
   */
  async *deltas(): AsyncGenerator<readonly TokenDelta[], void> {
    const pieces: SampledOutput[] = [];
    let request = this.#request;
    for (let retries = 0;; retries++) {
      const { outputs, isTold } = yield* this.#attempt(request);
      const next = this.#afterPause(outputs, pieces, retries);
      // A whole reply that will be asked for anew is not told.
      const isKept = next.do !== "retry";
      if (isKept && !isTold) yield outputs.map(asDelta);
      if (next.do === "end") return this.#end(pieces, next.outputs);
      request = next.request;
      this.#entry.worker = null;
      await waitToRetry(this.#deps, this.#entry, this.#exchange);
      if (!this.#entry.isAbortRequested) {
        if (next.do === "resume") pieces.push(outputs[0]!);
        continue;
      }
      if (!isKept && !isTold) yield outputs.map(asDelta);
      return this.#end(pieces, outputs);
    }
  }

  #end(pieces: readonly SampledOutput[], outputs: readonly SampledOutput[]): void {
    this.#outputs = this.#sampleCount > 1
      ? outputs
      : [joinOutputs([...pieces, ...outputs], this.#request.inputIds.length)];
  }

  #afterPause(
    outputs: readonly SampledOutput[],
    pieces: readonly SampledOutput[],
    retries: number,
  ): AfterPause {
    const { onAbort, abortRetries, metrics } = this.#deps;
    const isPaused = outputs.some(({ finishReason }) => isPauseAbort(finishReason));
    const isFinal = !isPaused || onAbort === "return" || retries >= abortRetries ||
      this.#entry.isAbortRequested;
    if (isFinal) return { do: "end", outputs };
    const rid = `${this.#request.rid}-${retries + 1}`;
    if (onAbort === "resume" && this.#sampleCount === 1 && !isConstrained(this.#request)) {
      const partial = joinOutputs([...pieces, ...outputs], this.#request.inputIds.length);
      const request = resumeRequest(this.#request, partial, rid);
      if (request === null) return { do: "end", outputs: outputs.map(withLength) };
      metrics.upstreamRetry("resumed after a pause");
      return { do: "resume", request };
    }
    // What the client has seen cannot be taken back.
    if (this.#sampledTokens > 0) return { do: "end", outputs };
    metrics.upstreamRetry("aborted by the engine");
    return { do: "retry", request: { ...this.#request, rid } };
  }

  async *#attempt(request: TokenRequest): AsyncGenerator<readonly TokenDelta[], Attempt> {
    const { path, body } = this.#deps.adapter.encode(await this.#withContext(request));
    const outbound = { method: "POST", target: path, headers: this.#headers, body, isRepeatable: true };
    let before: WorkerState["weightVersion"] | null = null;
    const dispatched = await dispatch(this.#deps, outbound, this.#exchange, receive, (worker) => {
      this.#entry.worker = worker;
      before = worker.weightVersion;
    });
    const { worker, lease, reply } = dispatched;
    try {
      const isTold = reply.kind === "stream";
      const outputs = isTold
        ? yield* this.#readStream(worker, reply.first, reply.reader)
        : this.#readWhole(reply.status, reply.bytes, worker);
      throwIfFailed(outputs);
      return { outputs: outputs.map((output) => this.#stamped(output, worker, before)), isTold };
    } finally {
      lease[Symbol.dispose]();
    }
  }

  async #withContext(request: TokenRequest): Promise<TokenRequest> {
    const { adapter, context } = this.#deps;
    if (!adapter.needsContext(request)) return request;
    const contextTokens = await untilAborted(context.get(this.#headers), this.#exchange.signal);
    return contextTokens === undefined ? request : { ...request, contextTokens };
  }

  #stamped(output: SampledOutput, worker: WorkerState, before: SampledVersion): SampledOutput {
    const version = output.versions.at(-1)?.version ?? null;
    if (version !== null) worker.weightVersion = version;
    return this.#deps.adapter.tellsVersions
      ? output
      : stampVersion(output, before, worker.weightVersion ?? null);
  }

  #readWhole(status: number, bytes: Uint8Array, { url }: WorkerState): readonly SampledOutput[] {
    const { topLogprobs } = this.#request.sampling;
    const decoded = this.#deps.adapter.decode(status, bytes, this.#sampleCount, topLogprobs);
    if (decoded.kind === "outputs") return decoded.outputs;
    if (status === HTTP_OK) {
      logger.warn("Reply of {url} is not recorded: {failure}", { url, failure: decoded.message });
      this.#deps.metrics.parseFailed("chat reply");
    }
    throw new EngineReplyError(decoded.status, decoded.message);
  }

  async *#readStream(
    worker: WorkerState,
    first: Uint8Array | undefined,
    reader: BodyReader,
  ): AsyncGenerator<readonly TokenDelta[], readonly SampledOutput[]> {
    const stream = this.#deps.adapter.openStream(this.#sampleCount, this.#request.sampling.topLogprobs);
    let value = first;
    try {
      while (true) {
        if (value === undefined) {
          stream.end();
          break;
        }
        worker.recordActivity();
        const deltas = stream.push(value);
        this.#sampledTokens += deltas.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
        if (deltas.length > 0) yield deltas.map(withoutPause);
        if (stream.done || stream.failure !== null) break;
        ({ value } = await this.#exchange.blocked(this.#read(reader, worker)));
        this.#exchange.signal.throwIfAborted();
      }
    } finally {
      letGo(reader, stream.done);
    }
    const outputs = stream.outputs();
    if (outputs === null) {
      const failure = stream.failure ?? "it ended before its end mark";
      logger.warn("Stream of {url} is not recorded: {failure}", { url: worker.url, failure });
      this.#deps.metrics.parseFailed("chat stream");
      throw new UpstreamError(`Cannot use the worker's stream: ${failure}`);
    }
    return outputs;
  }

  /** A worker that dies in mid-stream is the worker's failure, not the router's. */
  async #read(reader: BodyReader, worker: WorkerState) {
    try {
      return await reader.read();
    } catch (cause) {
      this.#exchange.signal.throwIfAborted();
      const failure = cause instanceof Error ? cause.message : String(cause);
      logger.warn("Stream of {url} broke off: {failure}", { url: worker.url, failure });
      throw new UpstreamError(`Cannot use the worker's stream: it broke off (${failure})`, { cause });
    }
  }
}

type SampledVersion = Parameters<typeof stampVersion>[1];

async function receive(response: WorkerReply): Promise<EngineReply> {
  const reader = response.ok && isEventStream(response) ? readerOf(response) : null;
  // Until something came another worker can be asked.
  if (reader !== null) return { kind: "stream", first: (await reader.read()).value, reader };
  const bytes = await readBytes(response, GENERATE_REPLY_BYTES_MAX, tooLongReply);
  return { kind: "whole", status: response.status, bytes };
}

/** An abort with a status is an error of the engine's. */
function throwIfFailed(outputs: readonly SampledOutput[]): void {
  for (const { finishReason } of outputs) {
    if (finishReason?.type !== "abort" || finishReason.statusCode === undefined) continue;
    const { statusCode, message } = finishReason;
    throw new EngineReplyError(statusCode, message ?? "The engine aborted the request");
  }
}

function asDelta(output: SampledOutput, index: number): TokenDelta {
  const { tokenIds, logprobs, topLogprobs = null, text, finishReason } = output;
  return withoutPause({ index, tokenIds, logprobs, topLogprobs, text, finishReason });
}

function withoutPause(delta: TokenDelta): TokenDelta {
  return isPauseAbort(delta.finishReason) ? { ...delta, finishReason: null } : delta;
}

/** An engine begins a grammar anew with each request: it cannot go on inside one. */
function isConstrained({ sampling: { responseFormat }, extra }: TokenRequest): boolean {
  return isGrammar(responseFormat) || grammarField(extra) !== null;
}

/** The pause came when the last token allowed was there. */
function withLength(output: SampledOutput): SampledOutput {
  return { ...output, finishReason: { type: "length" } };
}

/** A stream that is over is read to its end, so that its connection can serve again; any other is cancelled. */
function letGo(reader: BodyReader, isDone: boolean): void {
  const rest = isDone ? reader.read() : Promise.resolve();
  void rest.then(() => reader.cancel()).catch(() => {});
}
