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
