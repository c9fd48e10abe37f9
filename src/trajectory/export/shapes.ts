/**
 * Rows in the field names of the trainers: slime's `Sample`, verl's `DataProto`, TRL's rollout result.
 *
 * These trainers take one number a token, so a log-probability that is null in the native form is 0 here; it is null only where
 * the mask is 0, which no loss reads.
 *
 * @module
 */
import type { JsonObject } from "../../types.ts";
import type { TurnStatus } from "../turn.ts";
import type { NativeRecord, Reward } from "./native.ts";

/** Names of the shapes, as `GET /export?shape=` takes them. */
export const EXPORT_SHAPES = ["native", "slime", "verl", "trl"] as const;

/** A shape of rows. */
export type ExportShape = typeof EXPORT_SHAPES[number];

/** A row as slime's `Sample.from_dict` reads it. */
export interface SlimeRecord {
  session_id: string;
  /** Number of the row in its session. */
  index: number;
  /** The whole row. */
  tokens: number[];
  /** The response begins at the first token that the row trains. */
  response_length: number;
  /** Of the response. */
  loss_mask: (0 | 1)[];
  /** Of the response. */
  rollout_log_probs: number[];
  /** One a run of trained tokens under one version, in order. */
  weight_versions: string[];
  status: TurnStatus;
  reward: Reward;
  metadata: JsonObject;
}

/** A row with the keys of verl's `DataProto`, one sample long and not padded. */
export interface VerlRecord {
  prompts: number[];
  responses: number[];
  response_mask: (0 | 1)[];
  input_ids: number[];
  /** All 1: padding is the collator's. */
  attention_mask: (0 | 1)[];
  position_ids: number[];
  rollout_log_probs: number[];
  /** `uid` is the session's id; the reward is `reward_score`, as in verl's agent loop. */
  non_tensor_batch: {
    uid: string;
    reward_score: Reward;
    /** Turns on the row's path. */
    __num_turns__: number;
    status: TurnStatus;
    complete: boolean;
    metadata: JsonObject;
  };
}

/** A row with the keys that TRL's `rollout_func` returns, `env_mask` included. */
export interface TrlRecord {
  prompt_ids: number[];
  completion_ids: number[];
  logprobs: number[];
  /** 1 for tokens to train, 0 for what the environment or the router wrote. */
  env_mask: (0 | 1)[];
  session_id: string;
  reward: Reward;
  status: TurnStatus;
  complete: boolean;
  metadata: JsonObject;
}

/** A row of each shape. */
export interface RecordOfShape {
  native: NativeRecord;
  slime: SlimeRecord;
  verl: VerlRecord;
  trl: TrlRecord;
}

/**
 * The row in another shape. Prompt and response part at the first token that the row trains, so what earlier rows train is
 * prompt here; a row that trains nothing parts at its first sampled token.
 */
export function toShape<S extends ExportShape>(record: NativeRecord, shape: S): RecordOfShape[S] {
  return BY_SHAPE[shape](record);
}

const BY_SHAPE: { readonly [S in ExportShape]: (record: NativeRecord) => RecordOfShape[S] } = {
  native: (record) => record,
  slime: toSlime,
  verl: toVerl,
  trl: toTrl,
};

function toSlime(record: NativeRecord): SlimeRecord {
  const start = responseStart(record);
  return {
    session_id: record.session_id,
    index: record.row,
    tokens: record.tokens,
    response_length: record.tokens.length - start,
    loss_mask: record.loss_mask.slice(start),
    rollout_log_probs: filledLogprobs(record, start),
    weight_versions: versionRuns(record),
    status: record.status,
    reward: record.reward,
    metadata: record.metadata,
  };
}

function toVerl(record: NativeRecord): VerlRecord {
  const start = responseStart(record);
  return {
    prompts: record.tokens.slice(0, start),
    responses: record.tokens.slice(start),
    response_mask: record.loss_mask.slice(start),
    input_ids: record.tokens,
    attention_mask: record.tokens.map(() => 1),
    position_ids: record.tokens.map((_, i) => i),
    rollout_log_probs: filledLogprobs(record, start),
    non_tensor_batch: {
      uid: record.session_id,
      reward_score: record.reward,
      __num_turns__: record.chain.length,
      status: record.status,
      complete: record.complete,
      metadata: record.metadata,
    },
  };
}

function toTrl(record: NativeRecord): TrlRecord {
  const start = responseStart(record);
  return {
    prompt_ids: record.tokens.slice(0, start),
    completion_ids: record.tokens.slice(start),
    logprobs: filledLogprobs(record, start),
    env_mask: record.loss_mask.slice(start),
    session_id: record.session_id,
    reward: record.reward,
    status: record.status,
    complete: record.complete,
    metadata: record.metadata,
  };
}

function responseStart({ tokens, loss_mask, turns }: NativeRecord): number {
  const trained = loss_mask.indexOf(1);
  if (trained >= 0) return trained;
  const sampled = turns.findIndex((turn) => turn !== null);
  return sampled >= 0 ? sampled : tokens.length;
}

function filledLogprobs({ logprobs }: NativeRecord, start: number): number[] {
  return logprobs.slice(start).map((logprob) => logprob ?? 0);
}

function versionRuns({ loss_mask, versions }: NativeRecord): string[] {
  const runs: string[] = [];
  versions.forEach((version, i) => {
    if (loss_mask[i] === 0 || version === null) return;
    if (runs.at(-1) !== String(version)) runs.push(String(version));
  });
  return runs;
}
