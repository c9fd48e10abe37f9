/**
 * What the encoding worker and its owner say to each other. One text is in flight at a time, so nothing carries a number.
 *
 * @module
 */
import type { CompiledKitoken } from "./compiled_kitoken.ts";
import type { TokenizerBackend } from "./tokenizer.ts";

/** What the worker builds its backend of: the file, or what became of it. Copied to each worker that is started. */
export type EncodeSource =
  | {
    readonly form: "file";
    readonly backend: TokenizerBackend;
    readonly source: string;
    /** `tokenizer.json` as UTF-8. */
    readonly file: Uint8Array<ArrayBuffer>;
  }
  | { readonly form: "compiled"; readonly compiled: CompiledKitoken };

/** Owner to worker: first `start`, once; then texts, one after another. */
export type EncodeRequest =
  | { readonly type: "start"; readonly from: EncodeSource }
  | { readonly type: "encode"; readonly text: string };

/** Worker to owner. */
export type EncodeReply =
  | { readonly type: "ready" }
  /** The buffer of `ids` is transferred. */
  | { readonly type: "ids"; readonly ids: Uint32Array<ArrayBuffer> }
  /** The backend failed: its state is not to be trusted, the worker is of no more use. */
  | { readonly type: "failed"; readonly message: string };
