/**
 * The contract of the trajectory ledger: what a turn of a conversation is, in tokens.
 *
 * A session is a forest of turns. A turn continues its parent's tokens (less a declared trim) by a prompt delta and by what
 * one engine reply sampled. Turns store their deltas only; the path from the root is the row that a trainer sees.
 *
 * @module
 */
import type { JsonObject, WeightVersion } from "../types.ts";

/**
 * Where one token comes from. `s` sampled by an engine · `p` prompt: rendered and encoded by the router · `b` boundary: inserted at
 * a junction because the template writes it and the model did not sample it · `c` synthetic close of a turn that was cut
 * short · `f` foreign: text that the client puts into an assistant turn's place.
 */
export type Provenance = "s" | "p" | "b" | "c" | "f";

/** Why a turn does not simply continue the newest turn of its conversation; a metric label. */
export type ForkCause =
  | "retry" // the same request again: a sibling
  | "edit" // the client rewrote or dropped earlier messages
  | "template" // the template renders earlier turns anew (it drops their reasoning, or depends on position)
  | "branch key" // other tools, template, template arguments or date
  | "evicted" // the tokens of an earlier turn are gone
  | "best of n"; // one of several samples of one request

/** How a reply ended. */
export type TurnStatus = "completed" | "truncated" | "aborted";

/** One run of prompt ids of one provenance. Runs partition the delta. */
export interface PromptRun {
  readonly tokens: number;
  readonly provenance: Exclude<Provenance, "s">;
}

/** One run of sampled ids of one weight version. Runs partition the output. */
export interface SampledRun {
  readonly tokens: number;
  readonly version: WeightVersion | null;
}

/**
 * What one turn adds. Everything is fixed once the turn is committed, but for the two facts that come later. Lists of tokens and
 * runs may be made when they are asked for: take them once, not in a loop.
 */
export interface Turn {
  /** Unique in the process, URL-safe. */
  readonly id: string;
  /** Number of the turn in its session, from 0, in order of commit. */
  readonly index: number;
  readonly parent: Turn | null;
  /** Trailing ids of the parent's path that this turn leaves out: at most a sampled stop token. */
  readonly droppedIds: number;
  readonly promptIds: Uint32Array;
  readonly promptRuns: readonly PromptRun[];
  /** Last ids of the prompt that are words of the reply: the client wrote how it begins. */
  readonly openingTokens: number;
  /** The reply is the parent's, gone on with, and stands in its place. */
  readonly reopensParent: boolean;
  readonly outputIds: Uint32Array;
  /** One a sampled id; NaN where the engine told none. */
  readonly logprobs: Float64Array;
  readonly sampledRuns: readonly SampledRun[];
  readonly cause: ForkCause | null;
  readonly status: TurnStatus;
  /** Tools, template, arguments and frozen date, hashed: turns of one conversation share it. */
  readonly branchKey: string;
  /** Messages that this turn's prompt added to the parent's, as the client sent them; results name calls by the router's ids. */
  readonly messages: readonly JsonObject[];
  /** The assistant message that the client got, behind the words that it goes on with. */
  readonly reply: JsonObject;
  /** Hex SHA-256 over (the parent's hash, the delta): a chain that names the very ids that were POSTed. */
  readonly postedHash: string;
  readonly committedMs: number;
  /** The reply's last byte was handed to the client. An undelivered turn is an orphan unless it is extended. */
  isDelivered: boolean;
  /** A later retry of the same request was delivered and this one was never extended. */
  isSuperseded: boolean;
}

/** A session as export and endpoints see it. */
export interface SessionView {
  readonly id: string;
  /** In order of commit. */
  readonly turns: readonly Turn[];
  readonly isFinished: boolean;
  readonly createdMs: number;
  readonly metadata: JsonObject;
}

/** Ids of a turn's whole path: `length` of the parent's path less the trim, plus prompt and output. Iterative. */
export function pathOf(turn: Turn): Turn[] {
  const path: Turn[] = [];
  for (let at: Turn | null = turn; at !== null; at = at.parent) path.push(at);
  return path.reverse();
}
