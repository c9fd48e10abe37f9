/**
 * Which members of a row are tensors in a safetensors file, and of which type.
 *
 * @module
 */
import type { WeightVersion } from "../../types.ts";
import {
  type Bytes,
  packBytes,
  packFloats,
  packLongs,
  packTurns,
  unpackFloats,
  unpackLongs,
  unpackTurns,
} from "./pack.ts";
import type { ExportShape } from "./shapes.ts";

/** How a member's elements are stored. */
export type ColumnKind = "ids" | "bits" | "letters" | "logprobs" | "turns" | "versions";

/** Tensor members of each shape; the other members go into the file's metadata. */
export const COLUMNS: Readonly<Record<ExportShape, Readonly<Record<string, ColumnKind>>>> = {
  native: {
    tokens: "ids",
    logprobs: "logprobs",
    versions: "versions",
    turns: "turns",
    loss_mask: "bits",
    provenance: "letters",
  },
  slime: { tokens: "ids", rollout_log_probs: "logprobs", loss_mask: "bits" },
  verl: {
    prompts: "ids",
    responses: "ids",
    input_ids: "ids",
    position_ids: "ids",
    rollout_log_probs: "logprobs",
    response_mask: "bits",
    attention_mask: "bits",
  },
  trl: { prompt_ids: "ids", completion_ids: "ids", logprobs: "logprobs", env_mask: "bits" },
};

/** Safetensors name and bytes of one element. */
export const DTYPES: Readonly<Record<ColumnKind, { readonly name: string; readonly bytes: number }>> = {
  ids: { name: "I64", bytes: 8 },
  logprobs: { name: "F64", bytes: 8 },
  versions: { name: "I32", bytes: 4 },
  turns: { name: "I32", bytes: 4 },
  bits: { name: "U8", bytes: 1 },
  letters: { name: "U8", bytes: 1 },
};

/** The versions of a file, each once; columns hold indexes into it, so that 5 and "5" stay apart. */
export class VersionTable {
  readonly list: WeightVersion[];
  readonly #indexes = new Map<WeightVersion, number>();

  constructor(list: readonly WeightVersion[] = []) {
    this.list = [...list];
    list.forEach((version, i) => this.#indexes.set(version, i));
  }

  /** Index of a version, which is added when it is new; null stays null. */
  indexOf(version: WeightVersion | null): number | null {
    if (version === null) return null;
    const known = this.#indexes.get(version);
    if (known !== undefined) return known;
    this.#indexes.set(version, this.list.length);
    return this.list.push(version) - 1;
  }

  /** @throws {RangeError} when the table is shorter */
  at(index: number | null): WeightVersion | null {
    if (index === null) return null;
    const version = this.list[index];
    if (version === undefined) {
      throw new RangeError(`Cannot read version ${index}: table has ${this.list.length}`);
    }
    return version;
  }
}

/** One row's member as bytes. */
export function packColumn(kind: ColumnKind, value: unknown, versions: VersionTable): Bytes {
  if (kind === "letters") return new TextEncoder().encode(value as string);
  if (kind === "ids") return packLongs(value as number[]);
  if (kind === "bits") return packBytes(value as number[]);
  if (kind === "logprobs") return packFloats(value as (number | null)[]);
  if (kind === "turns") return packTurns(value as (number | null)[]);
  return packTurns((value as (WeightVersion | null)[]).map((version) => versions.indexOf(version)));
}

/** Reverses {@link packColumn}. */
export function unpackColumn(kind: ColumnKind, bytes: Uint8Array, versions: VersionTable): unknown {
  if (kind === "letters") return new TextDecoder().decode(bytes);
  if (kind === "ids") return unpackLongs(bytes);
  if (kind === "bits") return Array.from(bytes);
  if (kind === "logprobs") return unpackFloats(bytes);
  if (kind === "turns") return unpackTurns(bytes);
  return unpackTurns(bytes).map((index) => versions.at(index));
}
