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
  const findsTokens = mode === "find";
  // Told to leave special tokens alone, the library still takes added tokens that are not special. In plain mode none of
  // them comes here, save those that were refused for the words beside them.
  const mayMeetTokens = !findsTokens && file.addedTokens.some((token) => token.singleWord);
  const kitoken = Kitoken.from_tokenizers(mayMeetTokens ? withoutAddedTokens(file).bytes : file.bytes);
  return {
    name: "kitoken",
    encode: (text) => kitoken.encode(text, findsTokens),
    close: () => kitoken.free(),
  };
}
