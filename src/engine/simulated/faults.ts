/**
 * What can go wrong, as knobs. Each fault strikes with a probability, or the next so many requests for certain; tests
 * turn the knobs of a running engine. Which faults a request gets is drawn once, when it arrives.
 *
 * @module
 */
import type { Random } from "../../types.ts";

/** When a fault strikes. */
export interface FaultKnob {
  /** Chance for each request, 0 to 1. Default 0. */
  probability: number;
  /** So many of the next requests are struck for certain; counts down. Default 0. */
  next: number;
}

/** The knobs of an engine. Defaults: {@link createFaults}. */
export interface SimulatedFaults {
  /** Answers `status` with an error body instead of generating. */
  httpError: FaultKnob & { status: number; message: string };
  /** Streams only: an error frame and `[DONE]` after `afterTokens` tokens. */
  errorFrame: FaultKnob & { afterTokens: number; message: string };
  /** The connection ends before a byte of the reply. */
  dropBeforeHeaders: FaultKnob;
  /**
   * The connection ends in the body: in the middle of a plain one; streamed, after the frames of `afterTokens` tokens and
   * before `[DONE]` at the latest.
   */
  dropMidBody: FaultKnob & { afterTokens: number };
  /** Never answers, until the client leaves or the rid is aborted. */
  stall: FaultKnob;
  /** Aborted in the waiting queue: no token, no status code; a pause as a router sees it. */
  abortWaiting: FaultKnob & { message: string };
  /** Aborted after `afterTokens` tokens, with the partial output and no status code. */
  abortRunning: FaultKnob & { afterTokens: number; message: string };
  /**
   * Aborted in the waiting queue after a retraction. Streamed, the last frame has the full text and the log-probability
   * triples of all tokens, but only the last id in `output_ids`.
   */
  abortRetracted: FaultKnob & { afterTokens: number; message: string };
  /** Aborted with a status code, that is, failed. 400, 500 and 503 answer plain requests with that HTTP status. */
  abortWithStatus: FaultKnob & { afterTokens: number; status: number; message: string };
  /** The weights change after `afterTokens` tokens: to `version`, or, when null, to the next one. */
  versionBump: FaultKnob & { afterTokens: number; version: string | null };
  /** The body arrives cut anywhere, in pieces of 1 to `pieceBytesMax` bytes. */
  recut: FaultKnob & { pieceBytesMax: number };
  /** The reply has two `server` and two `date` headers. */
  duplicateHeaders: FaultKnob;
}

/** Names of the knobs. */
export type FaultName = keyof SimulatedFaults;

/** Some knobs, partly given. */
export type FaultSettings = { readonly [Name in FaultName]?: Partial<SimulatedFaults[Name]> };

/** The faults that one request got, as they were set when it came. */
export type DrawnFaults = { readonly [Name in FaultName]?: Readonly<SimulatedFaults[Name]> };

const OFF: Readonly<FaultKnob> = { probability: 0, next: 0 };

/** All knobs, off where `settings` say nothing. Throws as {@link setFaults}. */
export function createFaults(settings: FaultSettings = {}): SimulatedFaults {
  const faults: SimulatedFaults = {
    httpError: { ...OFF, status: 500, message: "Internal server error" },
    errorFrame: { ...OFF, afterTokens: 2, message: "Simulated failure of the scheduler" },
    dropBeforeHeaders: { ...OFF },
    dropMidBody: { ...OFF, afterTokens: 2 },
    stall: { ...OFF },
    abortWaiting: { ...OFF, message: "Abort in waiting queue" },
    abortRunning: { ...OFF, afterTokens: 4, message: "Aborted" },
    abortRetracted: { ...OFF, afterTokens: 4, message: "Abort in waiting queue" },
    abortWithStatus: { ...OFF, afterTokens: 0, status: 503, message: "The request queue is full." },
    versionBump: { ...OFF, afterTokens: 4, version: null },
    recut: { ...OFF, pieceBytesMax: 7 },
    duplicateHeaders: { ...OFF },
  };
  setFaults(faults, settings);
  return faults;
}

/**
 * Turns the knobs that `settings` name.
 *
 * @throws {TypeError} for an unknown knob or a field of another type
 * @throws {RangeError} for a probability outside 0 to 1 or a negative count
 */
export function setFaults(faults: SimulatedFaults, settings: FaultSettings): void {
  const checked = Object.entries(settings).map(([name, given]) =>
    [name, checkKnob(faults, name, given)] as const
  );
  for (const [name, given] of checked) Object.assign(faults[name as FaultName], given);
}

/** Draws the faults of one request; `next` counts go down by one. */
export function drawFaults(faults: SimulatedFaults, random: Random): DrawnFaults {
  let drawn: Record<string, unknown> | null = null;
  for (const name in faults) {
    const knob = faults[name as FaultName];
    if (knob.next > 0) knob.next--;
    else if (knob.probability <= 0 || random() >= knob.probability) continue;
    (drawn ??= {})[name] = { ...knob };
  }
  return (drawn ?? NO_FAULTS) as DrawnFaults;
}

const NO_FAULTS: DrawnFaults = Object.freeze({});

function checkKnob(faults: SimulatedFaults, name: string, given: unknown): object {
  const knob = Object.hasOwn(faults, name) ? { ...faults[name as FaultName] } : null;
  if (knob === null) throw new TypeError(`Cannot set fault "${name}": no such knob`);
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`Cannot set fault "${name}": expected an object, received ${JSON.stringify(given)}`);
  }
  const fields: Record<string, unknown> = { ...knob };
  for (const [field, value] of Object.entries(given)) checkField(name, field, fields[field], value);
  return given;
}

function checkField(name: string, field: string, current: unknown, value: unknown): void {
  const where = `Cannot set fault "${name}": ${field}`;
  if (current === undefined) throw new TypeError(`${where} is no field of it`);
  const mayBeText = field === "version" && (value === null || typeof value === "string");
  if (mayBeText) return;
  if (typeof value !== typeof current) {
    throw new TypeError(`${where} must be a ${typeof current}, received ${value}`);
  }
  if (typeof value !== "number") return;
  const inRange = field === "probability" ? value >= 0 && value <= 1 : Number.isInteger(value) && value >= 0;
  if (!inRange) throw new RangeError(`${where} is out of range, received ${value}`);
}
