/**
 * What a loading worker and its owner say to each other: one job a worker, then the worker is ended.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { TokenBytesTables } from "./token_bytes.ts";
import type { TokenizerOutline } from "./tokenizer_file.ts";
import type { VocabularyTables } from "./vocabulary_index.ts";

/** Owner to worker. */
export type LoadRequest =
  /** Read the file: everything but kitoken. */
  | {
    readonly job: "survey";
    readonly source: string;
    /** `tokenizer.json` as UTF-8. */
    readonly file: Uint8Array<ArrayBuffer>;
    /** `tokenizer_config.json`. */
    readonly config: JsonObject | null;
    /** Whether to answer with probes. */
    readonly compares: boolean;
  }
  /** Let kitoken read the file and give its serialised form. */
  | { readonly job: "serialise"; readonly file: Uint8Array<ArrayBuffer> };

/** Worker to owner. A survey answers `surveyed`, then `compared`. */
export type LoadReply =
  | { readonly type: "surveyed"; readonly survey: Survey }
  | { readonly type: "compared"; readonly probes: ProbeAnswers; readonly packedFile: Uint8Array<ArrayBuffer> }
  | { readonly type: "serialised"; readonly serialised: Uint8Array<ArrayBuffer> }
  /** `isRefusal`: the file is at fault, and the message is for who configured it. */
  | { readonly type: "failed"; readonly message: string; readonly isRefusal: boolean };

/** What a file says, but for its backend. */
export interface Survey {
  readonly outline: TokenizerOutline;
  readonly bytes: TokenBytesTables;
  readonly vocabulary: VocabularyTables;
  /** What kitoken is to read when that is not the file as it is; null when it is. */
  readonly kitokenInput: Uint8Array<ArrayBuffer> | null;
}

/** How the backend that is compared with encodes the probes. */
export type ProbeAnswers =
  | { readonly state: "encoded"; readonly probes: readonly ProbeAnswer[] }
  /** It does not read the file. */
  | { readonly state: "unreadable"; readonly message: string }
  | { readonly state: "not asked" };

/** One probe; `ids` is null when the backend failed on it. */
export interface ProbeAnswer {
  readonly text: string;
  readonly ids: Uint32Array | null;
}
