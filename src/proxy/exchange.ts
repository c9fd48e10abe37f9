/**
 * One request on its way through the router: identity, cancellation, timing, and what became of it.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../types.ts";

/** How an exchange ended; a log field. */
export type ExchangeEnd =
  | "done"
  | "client left"
  | "upstream failed"
  | "timeout"
  | "reply dropped"; // a middleware answered with something else

/** What a worker choice looked like. */
export interface ChosenWorker {
  readonly url: string;
  readonly reason: string;
}

/** Called once, after the last byte. */
export type EndListener = (exchange: Exchange, end: ExchangeEnd) => void;

/** Settings of an {@link Exchange}. */
export interface ExchangeOptions {
  readonly id: string;
  readonly clock: Clock;
  /** Aborts when the client disconnects. */
  readonly clientSignal: AbortSignal;
  /** Longest the exchange may take. 0: no limit. */
  readonly timeoutMs: number;
}

const logger = getLogger(["slime-router", "exchange"]);

/** The state that middleware, proxy and log share for one request. */
export class Exchange {
  readonly id: string;
  readonly startMs: number;
  /** Session-affinity key of the client, or null. */
  routingKey: string | null = null;
  /** The worker that answers, once chosen. */
  worker: ChosenWorker | null = null;
  /** The client's `authorization` was meant for the router: workers do not see it. */
  isAuthorizationOurs = false;
  attempts = 0;
  /** Tokens of the prompt that were cached and newly encoded; null when the cache had no part. */
  promptTokens: { readonly matched: number; readonly encoded: number } | null = null;

  readonly #clock: Clock;
  /** Made when asked for: most exchanges come to their end without. */
  #abort: AbortController | null = null;
  readonly #attempts = new Set<AbortController>();
  /** Ends the waits of {@link until}. */
  readonly #waits = new Set<(reason: unknown) => void>();
  readonly #listeners: EndListener[] = [];
  readonly #detach: () => void;
  #blockedMs: number | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  #cancelled: ClientLeftError | ExchangeTimeoutError | null = null;
  #end: ExchangeEnd | null = null;

  constructor({ id, clock, clientSignal, timeoutMs }: ExchangeOptions) {
    this.id = id;
    this.#clock = clock;
    this.startMs = clock.now();
    const onClientLeft = () => this.#cancel(new ClientLeftError());
    clientSignal.addEventListener("abort", onClientLeft, { once: true });
    const timer = timeoutMs > 0 ? new AbortController() : null;
    if (timer !== null) {
      clock.sleep(timeoutMs, timer.signal).then(
        () => this.#cancel(new ExchangeTimeoutError(timeoutMs)),
        () => {},
      );
    }
    this.#detach = () => {
      clientSignal.removeEventListener("abort", onClientLeft);
      timer?.abort();
    };
    if (clientSignal.aborted) onClientLeft();
  }

  /** Aborts when the client left or the time is up; the reason tells which. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#cancelled !== null) this.#abort.abort(this.#cancelled);
    }
    return this.#abort.signal;
  }

  /** @throws the reason of {@link signal} when it has aborted */
  throwIfCancelled(): void {
    if (this.#cancelled !== null) throw this.#cancelled;
  }

  /** The outcome of `promise`, or the reason of {@link signal} when it aborts first. Cheaper than a listener of its own. */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#cancelled !== null) reject(this.#cancelled);
      this.#waits.add(reject);
      promise.then((value) => {
        this.#waits.delete(reject);
        resolve(value);
      }, (error) => {
        this.#waits.delete(reject);
        reject(error);
      });
    });
  }

  /**
   * A signal for one request to a worker: it aborts with the exchange, or by itself alone. Cheaper than
   * `AbortSignal.any`. Close it when the request has failed.
   */
  openAttempt(): AbortController {
    const attempt = new AbortController();
    if (this.#cancelled !== null) attempt.abort(this.#cancelled);
    this.#attempts.add(attempt);
    return attempt;
  }

  /** The attempt is over. */
  closeAttempt(attempt: AbortController): void {
    this.#attempts.delete(attempt);
  }

  /** Milliseconds since the exchange began. */
  get elapsedMs(): number {
    return this.#clock.now() - this.startMs;
  }

  /** Milliseconds that the exchange waited for a worker; null when none was asked. */
  get blockedMs(): number | null {
    return this.#blockedMs;
  }

  /** Waits for a worker, and counts the time as not the router's own. */
  async blocked<T>(wait: Promise<T>): Promise<T> {
    const sinceMs = this.elapsedMs;
    try {
      return await wait;
    } finally {
      this.wasBlocked(sinceMs);
    }
  }

  /** A wait for a worker is over that began at `sinceMs` of {@link elapsedMs}. */
  wasBlocked(sinceMs: number): void {
    this.#blockedMs = (this.#blockedMs ?? 0) + this.elapsedMs - sinceMs;
  }

  /** The client is gone: cancels what is under way. */
  clientLeft(): void {
    this.#cancel(new ClientLeftError());
  }

  /** Whether the reply is a stream. */
  get isStreaming(): boolean {
    return this.#stream !== null;
  }

  /** `stream` carries the reply, and ends the exchange after its last byte. */
  streamReply(stream: ReadableStream<Uint8Array>): void {
    this.#stream = stream;
    if (this.#cancelled !== null) this.end("done");
  }

  /**
   * All handlers have run and the reply's body is `body`. Ends the exchange unless that is the stream, or reads it; a
   * stream that no middleware passed on is cancelled, for nobody will.
   *
   * @param body null when it is no stream
   */
  replied(body: ReadableStream<Uint8Array> | null): void {
    const stream = this.#stream;
    if (stream === null) return this.end("done");
    if (stream === body || stream.locked) return;
    this.end("reply dropped");
    void stream.cancel().catch(() => {});
  }

  /** Calls `listener` when the exchange ends; at once when it has. */
  onEnd(listener: EndListener): void {
    if (this.#end === null) this.#listeners.push(listener);
    else this.#tell(listener, this.#end);
  }

  /** Ends the exchange; only the first call counts. What cancelled it, if anything did, is how it ended. */
  end(end: ExchangeEnd): void {
    if (this.#end !== null) return;
    this.#end = this.#cancelled === null ? end : endOf(this.#cancelled);
    this.#detach();
    for (const listener of this.#listeners) this.#tell(listener, this.#end);
    // They refer to bodies and ids. Garbage of the old generation that refers to an exchange would keep all of that until
    // the next full collection, and a sixth of all that is allocated would be promoted (bench/README.md).
    this.#listeners.length = 0;
  }

  /** Leases and pins end here: a listener that fails must not keep the others from their turn. */
  #tell(listener: EndListener, end: ExchangeEnd): void {
    try {
      listener(this, end);
    } catch (error) {
      logger.error("A listener failed at the end of a request: {error}", { error, requestId: this.id });
    }
  }

  /** A reply that streams may never be pulled again: the exchange ends at once. Else its handler fails and ends it. */
  #cancel(reason: ClientLeftError | ExchangeTimeoutError): void {
    this.#cancelled ??= reason;
    this.#abort?.abort(reason);
    for (const attempt of this.#attempts) attempt.abort(reason);
    for (const reject of this.#waits) reject(reason);
    if (this.#stream !== null) this.end("done");
  }
}

/** The reason of {@link Exchange.signal} when the client disconnected. */
export class ClientLeftError extends Error {
  override readonly name = "ClientLeftError";
  constructor() {
    super("Cannot go on: the client disconnected");
  }
}

/** The reason of {@link Exchange.signal} when the time is up. */
export class ExchangeTimeoutError extends Error {
  override readonly name = "ExchangeTimeoutError";
  constructor(timeoutMs: number) {
    super(`Cannot finish request: it took more than ${timeoutMs} ms (--request-timeout-ms)`);
  }
}

function endOf(reason: ClientLeftError | ExchangeTimeoutError): ExchangeEnd {
  return reason instanceof ExchangeTimeoutError ? "timeout" : "client left";
}
