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

/** Ids of a text and what follows from them, in flat arrays: 17,000 splice points as objects would hold both threads up. */
export interface WireText {
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Empty unless asked for. */
  readonly idDigits: Uint8Array<ArrayBuffer>;
  /** Byte offset and token index of each splice point in turn; empty unless asked for. */
  readonly splicePoints: Uint32Array<ArrayBuffer>;
}

/** Owner to worker: first `start`, once; then texts, one after another. */
export type EncodeRequest =
  | { readonly type: "start"; readonly from: EncodeSource }
  | {
    readonly type: "encode";
    readonly text: string;
    /** Put before the text for encoding, so that it stands after something; its id is left out. */
    readonly anchor: string;
    /** Whether the answer is to have digits and splice points. */
    readonly isPrompt: boolean;
  };

/** Worker to owner. */
export type EncodeReply =
  | { readonly type: "ready" }
  /** Buffers are transferred. */
  | { readonly type: "ids"; readonly encoded: WireText }
  /** The backend failed: its state is not to be trusted, the worker is of no more use. */
  | { readonly type: "failed"; readonly message: string };
