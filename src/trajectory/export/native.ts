/**
 * The native form of an export: what a trainer gets of a session, token by token. `docs/export.md` explains each field,
 * `docs/schemas/` has the JSON Schemas.
 *
 * @module
 */
import type { JsonObject, WeightVersion } from "../../types.ts";
import type { ForkCause, TurnStatus } from "../turn.ts";

/** Why a sampled token has credit in no row. Every sampled token without credit has exactly one of these. */
export type DropCause =
  | "undelivered" // its turn's reply never reached the client, and nothing continues it
  | "superseded" // its turn was retried, the retry was delivered, and nothing continues it
  | "trimmed" // every row that continues its turn leaves it out at the junction
  | "over length" // it lies past `maxTokens`
  | "no logprob"; // it stands in a row, but the engine told no finite log-probability for it

/** What the caller of `/samples` says the session is worth: one number, named numbers, or nothing yet. */
export type Reward = number | JsonObject | null;

/** One turn of a row and the hash of what was POSTed for it. */
export interface ChainLink {
  /** Index of the turn in its session. */
  turn: number;
  /** Id of the turn. */
  id: string;
  /** Length of the prompt that was POSTed: `tokens.slice(0, posted)` are its ids. */
  posted: number;
  /** See `posted_hash.ts`. */
  hash: string;
  /** Why the turn does not simply continue the newest one. */
  cause: ForkCause | null;
}

/**
 * One row: the path from a root to a leaf. The five per-token fields have the length of `tokens`.
 *
 * `loss_mask[i] = 1`, `provenance[i] = "s"` and "`logprobs[i]` is a number" mean the same: the token was sampled, and this is the
 * one row that trains it. `turns` and `versions` tell facts about the id that hold in every row: which turn sampled it, under
 * which weights; both are null where no turn of the session sampled it.
 */
export interface NativeRow {
  tokens: number[];
  loss_mask: (0 | 1)[];
  logprobs: (number | null)[];
  versions: (WeightVersion | null)[];
  turns: (number | null)[];
  /** One letter a token: s sampled, p prompt or context, b boundary, c synthetic close, f foreign. */
  provenance: string;
  status: TurnStatus;
  reward: Reward;
  metadata: JsonObject;
  /** False when a log-probability or a version of a token that this row would train is missing. */
  complete: boolean;
  /** From the root to the leaf. */
  chain: ChainLink[];
  /** Hex SHA-256 over the ids and the five per-token fields: see `digest.ts`. */
  digest: string;
}

/** Sampled tokens of a session: `captured = exported + sum(dropped)`. */
export interface ExportCounts {
  captured: number;
  exported: number;
  /** Causes that occur. */
  dropped: Partial<Record<DropCause, number>>;
}

/** A session as `POST /sessions/{id}/samples` answers it. */
export interface NativeExport extends ExportCounts {
  session_id: string;
  rows: NativeRow[];
}

/** One line of a JSONL export: a row that carries its session's counts, so that each line stands alone. */
export interface NativeRecord extends ExportCounts, NativeRow {
  session_id: string;
  /** Number of the row in its session, from 0. */
  row: number;
  /** Rows of the session. */
  row_count: number;
}

/** What {@link exportSession} takes beside the session. */
export interface ExportOptions {
  /** Goes into every row. Default null. */
  readonly reward?: Reward;
  /** Added to the session's own metadata; wins where both have a member. Default none. */
  readonly metadata?: JsonObject;
  /** Longest row, in tokens; longer ones are cut and have status `truncated`. Default no limit. */
  readonly maxTokens?: number;
}
