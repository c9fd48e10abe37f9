/**
 * What an engine received, for tests and for looking into a running one.
 *
 * @module
 */
import type { Call } from "./http.ts";
import { REQUEST_LOG_BYTES_MAX } from "./options.ts";

/** One request as it arrived. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
  readonly headers: readonly (readonly [string, string])[];
  /** The body as it came. */
  readonly bodyText: string;
  /** The body parsed; undefined when it is no JSON. Parsed at each call. */
  body(): unknown;
}

/** The newest requests, bounded in number and in size. */
export class RequestLog {
  readonly #entriesMax: number;
  readonly #entries: LoggedRequest[] = [];
  #units = 0;

  /** @param entriesMax entries kept; 0 keeps none. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** Oldest first. */
  get entries(): readonly LoggedRequest[] {
    return this.#entries;
  }

  /** Notes a request; the oldest are dropped where a bound is passed. */
  add({ request, text }: Call, url: URL): void {
    if (this.#entriesMax === 0) return;
    this.#entries.push({
      method: request.method,
      path: url.pathname,
      search: url.search,
      headers: [...request.headers],
      bodyText: text,
      body: () => parsed(text),
    });
    this.#units += text.length;
    while (this.#entries.length > this.#entriesMax || this.#units > REQUEST_LOG_BYTES_MAX) {
      this.#units -= this.#entries.shift()!.bodyText.length;
    }
  }

  clear(): void {
    this.#entries.length = 0;
    this.#units = 0;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
