/**
 * One request on its way through the router: identity, cancellation, timing, and what became of it.
 *
 * @module
 */
import type { Clock } from "../types.ts";

/** How an exchange ended; a log field. */
export type ExchangeEnd = "done" | "client left" | "upstream failed" | "timeout";

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

/** The state that middleware, proxy and log share for one request. */
export class Exchange {
  readonly id: string;
  readonly startMs: number;
  /** Session-affinity key of the client, or null. */
  routingKey: string | null = null;
  /** The worker that answers, once chosen. */
  worker: ChosenWorker | null = null;
  attempts = 0;
  /** Tokens of the prompt that were cached and newly encoded; null when the cache had no part. */
  promptTokens: { readonly matched: number; readonly encoded: number } | null = null;
  /** A streamed reply ends the exchange itself, after its last byte. */
  isStreaming = false;

  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #listeners: EndListener[] = [];
  readonly #detach: () => void;
  #blockedMs: number | null = null;
  #end: ExchangeEnd | null = null;

  constructor({ id, clock, clientSignal, timeoutMs }: ExchangeOptions) {
    this.id = id;
    this.#clock = clock;
    this.startMs = clock.now();
    const onClientLeft = () => this.#abort.abort(new ClientLeftError());
    clientSignal.addEventListener("abort", onClientLeft, { once: true });
    const timer = timeoutMs > 0 ? new AbortController() : null;
    if (timer !== null) {
      clock.sleep(timeoutMs, timer.signal).then(
        () => this.#abort.abort(new ExchangeTimeoutError(timeoutMs)),
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
    return this.#abort.signal;
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
    const since = this.#clock.now();
    try {
      return await wait;
    } finally {
      this.#blockedMs = (this.#blockedMs ?? 0) + this.#clock.now() - since;
    }
  }

  /** The client is gone: cancels what is under way. */
  clientLeft(): void {
    this.#abort.abort(new ClientLeftError());
    this.end("client left");
  }

  /** Calls `listener` when the exchange ends; at once when it has. */
  onEnd(listener: EndListener): void {
    if (this.#end === null) this.#listeners.push(listener);
    else listener(this, this.#end);
  }

  /** Ends the exchange; only the first call counts. */
  end(end: ExchangeEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#detach();
    for (const listener of this.#listeners) listener(this, end);
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
