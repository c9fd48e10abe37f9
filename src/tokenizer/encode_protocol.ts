/**
 * What the encoding worker and its owner say to each other. One text is in flight at a time, so nothing carries a number.
 *
 * @module
 */
import type { TokenizerBackend } from "./tokenizer.ts";

/** Owner to worker: first `start`, once; then texts, one after another. */
export type EncodeRequest =
  | {
    readonly type: "start";
    readonly backend: TokenizerBackend;
    readonly source: string;
    /** `tokenizer.json` as UTF-8; its buffer is transferred. */
    readonly file: Uint8Array<ArrayBuffer>;
  }
  | { readonly type: "encode"; readonly text: string };

/** Worker to owner. */
export type EncodeReply =
  | { readonly type: "ready" }
  /** The buffer of `ids` is transferred. */
  | { readonly type: "ids"; readonly ids: Uint32Array<ArrayBuffer> }
  /** The backend failed: its state is not to be trusted, the worker is of no more use. */
  | { readonly type: "failed"; readonly message: string };
