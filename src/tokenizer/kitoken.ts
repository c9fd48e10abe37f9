/**
 * Backend over kitoken (WebAssembly): the fastest here, exact for byte-level BPE.
 *
 * @module
 */
import { Kitoken } from "kitoken/full";
import type { AddedTokenMode, EncodeBackend } from "./backend.ts";
import { withoutAddedTokens } from "./split_backend.ts";
import type { TokenizerFile } from "./tokenizer_file.ts";

/** Makes a kitoken backend. Blocks for a second or two: the library indexes the whole vocabulary. */
export function createKitokenBackend(file: TokenizerFile, mode: AddedTokenMode): EncodeBackend {
  return backendOver(Kitoken.from_tokenizers(kitokenInput(file, mode)), mode);
}

/** The file as kitoken is to read it in this mode. */
export function kitokenInput(file: TokenizerFile, mode: AddedTokenMode): Uint8Array<ArrayBuffer> {
  // Told to leave special tokens alone, the library still takes added tokens that are not special. In plain mode none of
  // them comes here, save those that were refused for the words beside them.
  const mayMeetTokens = mode === "plain" && file.addedTokens.some((token) => token.singleWord);
  return mayMeetTokens ? withoutAddedTokens(file).bytes : file.bytes;
}

/** kitoken's own form of what {@link kitokenInput} gave. Blocks longer than making a backend. */
export function serialiseKitoken(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const kitoken = Kitoken.from_tokenizers(input);
  const serialised = new Uint8Array(kitoken.to_bytes());
  kitoken.free();
  return serialised;
}

/** Makes a kitoken backend of what {@link serialiseKitoken} gave. */
export function kitokenFromSerialised(serialised: Uint8Array, mode: AddedTokenMode): EncodeBackend {
  return backendOver(new Kitoken(serialised), mode);
}

function backendOver(kitoken: Kitoken, mode: AddedTokenMode): EncodeBackend {
  return {
    name: "kitoken",
    encode: (text) => kitoken.encode(text, mode === "find"),
    close: () => kitoken.free(),
  };
}

/** Longest text that kitoken's regular expressions surely finish: they give up after a million steps for one word. */
const SAFE_UNITS_MAX = 450_000;

/** A run as long as {@link SAFE_UNITS_MAX} covers several whole blocks of this size. */
const RUN_BLOCK_UNITS = 64 * 1024;

/** What words are made of: letters, white space, digits or the rest. */
const WORD_CLASSES = [/^[\p{L}\p{M}]$/u, /^\s$/u, /^\p{N}$/u];

/**
 * Whether a text may hold a single word (or gap, or run of signs) so long that kitoken traps on it.
 * Looks at whole blocks and leaves each at the first change of class: a few characters a block in any usual text.
 */
export function exceedsRegexBudget(text: string): boolean {
  if (text.length <= SAFE_UNITS_MAX) return false;
  for (let start = 0; start + RUN_BLOCK_UNITS <= text.length; start += RUN_BLOCK_UNITS) {
    if (isOneClass(text, start, start + RUN_BLOCK_UNITS)) return true;
  }
  return false;
}

function isOneClass(text: string, from: number, to: number): boolean {
  const first = wordClass(text, from);
  let last = text[from];
  for (let index = from + 1; index < to; index++) {
    const unit = text[index];
    if (unit === last) continue;
    if (wordClass(text, index) !== first) return false;
    last = unit;
  }
  return true;
}

/** Halves of a surrogate pair count as letters: they never end a run. */
function wordClass(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if ((unit & 0xf800) === 0xd800) return 0;
  return WORD_CLASSES.findIndex((expression) => expression.test(text[index]!));
}
