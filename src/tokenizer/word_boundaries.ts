/**
 * Where a byte-level BPE cuts a text whatever stands around: nothing is merged across, so the parts may be encoded one by one.
 *
 * Pre-tokenizers of this family split a text by a regular expression first and merge only within what it matches. None of
 * the alternatives below matches a space behind a character that is not white space, nor a line feed behind a letter or a
 * digit, and none looks back; what one of them looks ahead to (`(?!\S)`) is the end of white space, which stays with what
 * follows. So a text cut at such a place gives the same matches in both parts.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import { isByteLevelBpe, isJsonObject, type TokenizerOutline } from "./tokenizer_file.ts";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

/** Alternatives of which the above is true: those of GPT-2, GPT-4, Llama 3, Qwen, GPT-4o and DeepSeek. */
const ALTERNATIVES: ReadonlySet<string> = new Set([
  ...["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", CONTRACTIONS],
  ...[" ?\\p{L}+", " ?\\p{N}+", " ?[^\\s\\p{L}\\p{N}]+"],
  ...["[^\\r\\n\\p{L}\\p{N}]?\\p{L}+", "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+"],
  ...["\\p{N}", "\\p{N}{1,3}"],
  ...[
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*",
    " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*",
  ],
  ...["\\s*[\\r\\n]+", "\\s*[\\r\\n]", "\\s+(?!\\S)", "\\s+"],
  `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+${CONTRACTIONS}?`,
  `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*${CONTRACTIONS}?`,
  "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+",
  "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+",
  " ?[\\p{P}\\p{S}]+[\\r\\n]*",
]);

/** Whether a tokenizer cuts every text at the places that {@link isWordStart} tells. */
export function cutsAtWords(file: TokenizerOutline): boolean {
  return isByteLevelBpe(file) && file.preTokenizers.length > 0 &&
    file.normalizers.every(({ type }) => type === "NFC") &&
    file.preTokenizers.every(isKnown) &&
    file.preTokenizers.some(({ type, use_regex: usesRegex }) =>
      type === "Split" || (type === "ByteLevel" && usesRegex !== false)
    );
}

/** Whether a cut before the unit at `index` is one of those places. */
export function isWordStart(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  if (unit !== SPACE && unit !== LINE_FEED) return false;
  const before = text.charCodeAt(index - 1);
  return unit === SPACE ? before > SPACE && before < DELETE : isAsciiWord(before);
}

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const DELETE = 0x7f;

function isAsciiWord(unit: number): boolean {
  const letter = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}

function isKnown(step: JsonObject): boolean {
  if (step.type === "ByteLevel") return step.add_prefix_space === false;
  if (step.type !== "Split" || step.behavior !== "Isolated" || step.invert === true) return false;
  const regex = isJsonObject(step.pattern ?? null) ? (step.pattern as JsonObject).Regex : undefined;
  return typeof regex === "string" && alternativesOf(regex).every((each) => ALTERNATIVES.has(each));
}

/** The alternatives of a regular expression, as they are written; control characters as escapes. */
function alternativesOf(regex: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let isInClass = false;
  let from = 0;
  for (let at = 0; at < regex.length; at++) {
    const char = regex[at];
    if (char === "\\") at++;
    else if (isInClass) isInClass = char !== "]";
    else if (char === "[") isInClass = true;
    else if (char === "(") depth++;
    else if (char === ")") depth--;
    else if (char === "|" && depth === 0) {
      found.push(regex.slice(from, at));
      from = at + 1;
    }
  }
  return [...found, regex.slice(from)].map((each) => each.replaceAll("\r", "\\r").replaceAll("\n", "\\n"));
}
