/**
 * Types that every room of the house shares. Nothing here has behaviour.
 *
 * @module
 */

/** A weight version as engines send it. Integer-like versions order; any other string is a label. */
export type WeightVersion = number | string;

/** A JSON value as `JSON.parse` returns it. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** A JSON object as `JSON.parse` returns it. */
export type JsonObject = { [key: string]: JsonValue };

/** Time as an argument: tests pass a clock that they turn by hand. */
export interface Clock {
  /** Milliseconds since some fixed point, never going back. */
  now(): number;
  /** Milliseconds since the Unix epoch. */
  epochMs(): number;
  /** Resolves after `ms` milliseconds; rejects with `signal.reason` when the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Randomness as an argument: a number in [0, 1). */
export type Random = () => number;

/** The part of `fetch` the router uses. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What the proxy reads of a worker's reply. A `Response` is one; a transport may answer with less than that. */
export interface WorkerReply {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: ReplyHeaders;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** The whole body; once. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** Reads the body as it comes, without the stream that `body` is: in its place, where there is such a reader. */
  reader?(): BodyReader;
}

/** Reads a body piece by piece; a `ReadableStreamDefaultReader` is one. */
export interface BodyReader {
  /** The next piece; no value at the end. One call at a time. */
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  /** Nobody wants the rest. */
  cancel(reason?: unknown): Promise<void>;
}

/** Headers by name, in any case, and one after another, names in lower case. */
export interface ReplyHeaders {
  get(name: string): string | null;
  forEach(visit: (value: string, name: string) => void): void;
}

/** Asks a worker; every {@link Fetch} is one. */
export type WorkerFetch = (url: string, init: RequestInit) => Promise<WorkerReply>;
