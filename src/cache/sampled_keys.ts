/**
 * Under which texts a sampled segment is found.
 *
 * The tokens are the truth; what they decode to is the first key. Agents, however, hold the engine's `text`, which
 * leaves out stop and special tokens, ends before a stop string, and shows incomplete UTF-8 as U+FFFD. Each such
 * difference that agents meet by default gets a key of its own, so that the next turn still finds the tokens.
 *
 * @module
 */
import type { FinishReason } from "../engine/engine.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { SegmentKey } from "../trie/token_trie.ts";

/** How the engine's text relates to the tokens; a metric label. */
export type TextRelation =
  | "equal" // the text is what the tokens decode to
  | "stop token left out"
  | "stop string left out"
  | "special tokens left out"
  | "unknown" // the engine sent no text
  | "unexplained"; // the engine's tokenizer is not the router's: the configuration is wrong

/** Keys of one sampled segment. */
export interface SampledKeys {
  readonly keys: SegmentKey[];
  readonly relation: TextRelation;
}

const encoder = new TextEncoder();
/** Takes the engine's text to be compared; used and done with in one turn. */
const scratch = new Uint8Array(4 * 1024);

/**
 * The keys of a sampled segment, the decoded bytes first.
 *
 * @param engineText the engine's `text`, or null
 */
export function sampledKeys(
  tokenizer: Tokenizer,
  tokenIds: Uint32Array,
  engineText: string | null,
  finishReason: FinishReason | null,
): SampledKeys {
  const decoded = tokenizer.decodeBytes(tokenIds);
  const stopBytes = stopTokenBytes(tokenizer, tokenIds, finishReason);
  const keptTokens = tokenIds.length - 1;
  const body = decoded.subarray(0, decoded.length - stopBytes);
  const keys: SegmentKey[] = [{ text: decoded }];
  if (stopBytes > 0 && keptTokens > 0) keys.push({ text: body, tokens: keptTokens });
  if (engineText === null) return { keys, relation: "unknown" };

  // Nearly every text is one of these two: no copy is made to see that.
  if (isEncoded(engineText, decoded)) return { keys, relation: "equal" };
  if (stopBytes > 0 && isEncoded(engineText, body)) return { keys, relation: "stop token left out" };
  const text = encoder.encode(engineText);
  if (typeof finishReason?.matched === "string" && isTrimmed(tokenizer, tokenIds, decoded, text)) {
    return { keys: [...keys, ...retrieveOnly(text)], relation: "stop string left out" };
  }
  const relation = explains(tokenizer, tokenIds, stopBytes > 0, engineText);
  if (text.length === 0) return { keys, relation };
  if (stopBytes === 0 || keptTokens === 0) return { keys: [...keys, { text }], relation };
  const stop = decoded.subarray(body.length);
  return { keys: [...keys, { text: concat(text, stop) }, { text, tokens: keptTokens }], relation };
}

/** Bytes of the trailing stop token, also of one that came with the last token allowed; 0 when there is none. */
function stopTokenBytes(
  tokenizer: Tokenizer,
  tokenIds: Uint32Array,
  finishReason: FinishReason | null,
): number {
  const last = tokenIds[tokenIds.length - 1];
  if (last === undefined) return 0;
  const isStop = finishReason?.matched === last ||
    (finishReason?.matched === undefined && tokenizer.isSpecial(last));
  return isStop ? Math.max(tokenizer.byteLength(last), 0) : 0;
}

function retrieveOnly(text: Uint8Array): SegmentKey[] {
  return text.length > 0 ? [{ text, retrieveOnly: true }] : [];
}

/** Whether the text is what some of the tokens decode to, special ones left out or not. */
function isTrimmed(
  tokenizer: Tokenizer,
  tokenIds: Uint32Array,
  decoded: Uint8Array,
  text: Uint8Array,
): boolean {
  return startsWithBytes(decoded, text) ||
    startsWithBytes(tokenizer.decodeBytes(tokenIds.filter((id) => !tokenizer.isSpecial(id))), text);
}

/** Whether leaving out special tokens and replacing broken UTF-8 turns the tokens into the engine's text. */
function explains(
  tokenizer: Tokenizer,
  tokenIds: Uint32Array,
  endsWithStop: boolean,
  engineText: string,
): TextRelation {
  const shown = endsWithStop ? tokenIds.subarray(0, -1) : tokenIds;
  const plain = tokenizer.decode(shown.filter((id) => !tokenizer.isSpecial(id)));
  const whole = tokenizer.decode(shown);
  return engineText === plain || engineText === whole ? "special tokens left out" : "unexplained";
}

function startsWithBytes(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && equalBytes(bytes.subarray(0, prefix.length), prefix);
}

/** Whether `bytes` are the text in UTF-8. */
function isEncoded(text: string, bytes: Uint8Array): boolean {
  if (text.length > bytes.length) return false;
  if (bytes.length > scratch.length) return equalBytes(encoder.encode(text), bytes);
  const { read, written } = encoder.encodeInto(text, scratch);
  if (read !== text.length || written !== bytes.length) return false;
  for (let i = 0; i < written; i++) if (scratch[i] !== bytes[i]) return false;
  return true;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
