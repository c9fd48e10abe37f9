/**
 * `POST|PUT /generate`: plain and streamed.
 *
 * @module
 */
import type { JsonObject } from "../../types.ts";
import type { EngineCore } from "./core.ts";
import type { DrawnFaults } from "./faults.ts";
import type { Generation } from "./generation.ts";
import { type GenerateRequest, readGenerateRequest } from "./generate_request.ts";
import { ConnectionDropError, errorBody, jsonResponse } from "./http.ts";
import { type FrameOffset, FROM_START, type WireReply } from "./reply.ts";
import { bodyFrom, type ByteSource, recut, SSE_DONE, sseFrame, utf8 } from "./sse.ts";

/** Statuses of failed aborts that become the status of a plain reply; others stay in `finish_reason`. */
const ABORT_HTTP_STATUSES: ReadonlySet<number> = new Set([400, 500, 503]);

/** How a request's replies are put into bytes: SGLang's own form, or OpenAI's. */
export interface ReplyFormat {
  /** The body of a plain reply. */
  whole(replies: readonly WireReply[]): unknown;
  /** Frames for one generation's progress; `isFirst` for its first. */
  frames(reply: WireReply, isFirst: boolean): readonly unknown[];
  /** Frames carry what is new only. */
  readonly incremental: boolean;
  /** Frames behind the last generation's end, before `[DONE]`. Default none. */
  closing?(replies: readonly WireReply[]): readonly unknown[];
  /** The body of an error, in a plain reply or a frame. Default SGLang's. */
  failure?(message: string, status: number): unknown;
}

/** Answers `/generate`. Rejects with {@link ConnectionDropError} where a fault asks for it. */
export async function generate(core: EngineCore, body: JsonObject, request: Request, faults: DrawnFaults) {
  const parsed = await readGenerateRequest(body, requestContext(core));
  return answer(core, parsed, request, faults, {
    whole: (replies) => parsed.items[0]?.index === null ? replies[0] : replies,
    frames: (reply) => [reply],
    incremental: core.options.incrementalStreaming,
  });
}

/** What reading a request needs of the engine. */
export function requestContext(core: EngineCore) {
  return {
    vocabulary: core.vocabulary,
    contextLength: core.options.contextLength,
    newRid: () => core.newRid(),
  };
}

/** Runs a request's generations and answers in `format`. */
export async function answer(
  core: EngineCore,
  parsed: GenerateRequest,
  request: Request,
  faults: DrawnFaults,
  format: ReplyFormat,
): Promise<Response> {
  const generations = startAll(core, parsed, faults);
  if (faults.stall !== undefined) await untilEnded(generations, request.signal);
  if (parsed.stream) return streamed(core, generations, faults, format);
  await runAll(core, generations, request);
  return plain(core, generations, faults, format);
}

/** All or none: a rid that is taken ends those that were started before it. */
function startAll(core: EngineCore, { items }: GenerateRequest, faults: DrawnFaults): Generation[] {
  const generations: Generation[] = [];
  try {
    for (const item of items) generations.push(core.start(item, faults));
  } catch (error) {
    abortAll(generations);
    throw error;
  }
  return generations;
}

function abortAll(generations: readonly Generation[]): void {
  for (const generation of generations) generation.abort("Aborted: the client disconnected");
}

/** Waits only where a generation has to. A client that leaves meanwhile aborts them all. */
async function runAll(core: EngineCore, generations: readonly Generation[], request: Request): Promise<void> {
  const waits = generations.map((generation) => core.run(generation)).filter((wait) => wait !== undefined);
  if (waits.length === 0) return;
  const leave = () => abortAll(generations);
  if (request.signal.aborted) leave();
  request.signal.addEventListener("abort", leave, { once: true });
  await Promise.all(waits);
  request.signal.removeEventListener("abort", leave);
}

function plain(
  core: EngineCore,
  generations: readonly Generation[],
  faults: DrawnFaults,
  format: ReplyFormat,
): Response {
  for (const { finish } of generations) {
    const status = finish?.type === "abort" ? finish.status_code : undefined;
    if (status !== undefined && ABORT_HTTP_STATUSES.has(status)) {
      const { message } = finish as { message: string };
      return jsonResponse(format.failure?.(message, status) ?? errorBody(message), status);
    }
  }
  const json = JSON.stringify(format.whole(generations.map((generation) => core.reply(generation))));
  const body = faults.recut === undefined && faults.dropMidBody === undefined
    ? json
    : bodyFrom(withFaults(core, wholeSource(json, faults), faults));
  return new Response(body, { headers: { "content-type": "application/json" } });
}

/** A plain body, or its first half where the connection is to end in it. */
function wholeSource(json: string, faults: DrawnFaults): ByteSource {
  const bytes = utf8(json);
  let sent = false;
  return {
    next() {
      if (sent && faults.dropMidBody !== undefined) return Promise.reject(dropped());
      if (sent) return Promise.resolve(null);
      sent = true;
      return Promise.resolve(
        faults.dropMidBody === undefined ? bytes : bytes.subarray(0, Math.ceil(bytes.length / 2)),
      );
    },
    cancel() {},
  };
}

function withFaults(core: EngineCore, source: ByteSource, faults: DrawnFaults): ByteSource {
  return faults.recut === undefined ? source : recut(source, faults.recut.pieceBytesMax, core.faultRandom);
}

function dropped(): ConnectionDropError {
  return new ConnectionDropError("Cannot finish reply: the simulated connection was dropped");
}

/** Waits until every generation was aborted, or the client left. */
async function untilEnded(generations: readonly Generation[], signal: AbortSignal): Promise<void> {
  const leave = () => abortAll(generations);
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  await Promise.all(generations.map((generation) => {
    if (generation.ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    generation.signal.addEventListener("abort", () => resolve(), { once: true });
    return promise;
  }));
  signal.removeEventListener("abort", leave);
}

function streamed(
  core: EngineCore,
  generations: readonly Generation[],
  faults: DrawnFaults,
  format: ReplyFormat,
): Response {
  const source = withFaults(core, new FrameSource(core, generations, faults, format), faults);
  return new Response(bodyFrom(source), { headers: { "content-type": "text/event-stream; charset=utf-8" } });
}

/** The frames of a streamed request; a batch proceeds in lockstep. */
class FrameSource implements ByteSource {
  readonly #core: EngineCore;
  readonly #all: readonly Generation[];
  readonly #faults: DrawnFaults;
  readonly #format: ReplyFormat;
  readonly #offsets = new Map<Generation, FrameOffset>();
  #open: Generation[];
  #done = false;

  constructor(
    core: EngineCore,
    generations: readonly Generation[],
    faults: DrawnFaults,
    format: ReplyFormat,
  ) {
    this.#core = core;
    this.#all = generations;
    this.#open = [...generations];
    this.#faults = faults;
    this.#format = format;
  }

  async next(): Promise<Uint8Array | null> {
    const { dropMidBody, errorFrame } = this.#faults;
    if (dropMidBody !== undefined && (this.#done || this.#revealed >= dropMidBody.afterTokens)) {
      abortAll(this.#all);
      throw dropped();
    }
    if (this.#done) return null;
    if (errorFrame !== undefined && this.#revealed >= errorFrame.afterTokens) {
      return this.#fail(errorFrame.message);
    }
    await this.#advance();
    const frames = this.#open.map((generation) => this.#frame(generation)).join("");
    this.#open = this.#open.filter((generation) => !generation.ended);
    this.#done = this.#open.length === 0;
    return utf8(this.#done && dropMidBody === undefined ? frames + this.#closing() + SSE_DONE : frames);
  }

  cancel(): void {
    abortAll(this.#all);
  }

  get #revealed(): number {
    return this.#all.reduce((most, { revealed }) => Math.max(most, revealed), 0);
  }

  #advance(): Promise<unknown> | undefined {
    const interval = this.#core.options.streamIntervalTokens;
    const waits: Promise<void>[] = [];
    for (const generation of this.#open) {
      const { revealed } = generation;
      const target = revealed === 0 ? 1 : revealed + interval - (revealed % interval);
      const wait = this.#core.run(generation, target);
      if (wait !== undefined) waits.push(wait);
    }
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  #frame(generation: Generation): string {
    const before = this.#offsets.get(generation);
    const offset = this.#format.incremental ? before ?? FROM_START : FROM_START;
    const reply = this.#core.reply(generation, offset);
    const textUnits = offset.textUnits + reply.text.length;
    this.#offsets.set(generation, { tokens: generation.revealed, textUnits });
    return this.#format.frames(reply, before === undefined).map(sseFrame).join("");
  }

  #closing(): string {
    if (this.#format.closing === undefined) return "";
    const replies = this.#all.map((generation) => this.#core.reply(generation));
    return this.#format.closing(replies).map(sseFrame).join("");
  }

  #fail(message: string): Uint8Array {
    abortAll(this.#all);
    this.#done = true;
    return utf8(sseFrame(this.#format.failure?.(message, 500) ?? errorBody(message)) + SSE_DONE);
  }
}
