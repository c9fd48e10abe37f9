/**
 * A tokenizer small enough to read, made in code: the test double of the project.
 *
 * Byte-level BPE like those of real models: 256 byte tokens, merges that build a few words (so that texts have splits
 * other than the canonical one: `HAVING` is `HAV` + `ING`, and `H` + `AVING` decodes to the same), special tokens in the
 * style of ChatML and, on demand, awkward ones.
 */
import {
  type LoadedTokenizer,
  loadTokenizerFromData,
  type LoadTokenizerOptions,
} from "../../src/tokenizer/load.ts";
import type { JsonObject, JsonValue } from "../../src/types.ts";

/** Special tokens, in the order of their ids, which follow the merged tokens. */
export const TINY_SPECIAL_TOKENS = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<think>",
  "</think>",
  "<tool_call>",
  "</tool_call>",
] as const;

/** Flags of an added token, as `tokenizer.json` names them. */
export interface TinyAddedToken {
  content: string;
  single_word?: boolean;
  lstrip?: boolean;
  rstrip?: boolean;
  normalized?: boolean;
  special?: boolean;
}

/** Added tokens that make splicing hard. kitoken reads some of them wrongly, so `auto` takes another backend. */
export const AWKWARD_TOKENS: readonly TinyAddedToken[] = [
  { content: "<|mask|>", rstrip: true },
  { content: "<|pad|>", lstrip: true },
  { content: "<|im_end|>!" }, // longer than <|im_end|>, so that one's right edge depends on what follows
  { content: "<word>", single_word: true },
  { content: "<late><", normalized: true, special: false }, // its end may begin <think>
  { content: "<later>", normalized: true, special: false },
  { content: "<caf\u00e9>", normalized: true, special: false }, // under NFC also found as e and U+0301
];

/** Words that the merges build, left to right pair by pair; `Ġ` is a space. */
const MERGED_WORDS: readonly (readonly string[])[] = [
  ["H", "A", "V"],
  ["I", "N", "G"],
  ["A", "V", "ING"],
  ["Ġ", "t", "h", "e"],
  ["h", "e", "l", "l", "o"],
  ["Ġ", "w", "o", "r", "l", "d"],
  ["u", "s", "e", "r"],
  ["a", "s", "s", "i", "s", "t", "ant"],
  ["s", "y", "s", "tem"],
  ["t", "o", "o", "l"],
  ["j", "s", "o", "n"],
  ["json", "p"],
  ["Ġ", "json"],
  ["Ċ", "Ċ"],
  ["Ġ", "Ġ"],
  ["ĠĠ", "ĠĠ"],
  ["ä", "½", "ł"], // 你
  ["å", "¥", "½"], // 好
  ["ð", "Ł"], // the first half of most emoji
  ["1", "2"],
];

/** Chat template in the style of ChatML, with tools and the tool role. */
export const TINY_CHAT_TEMPLATE = `{%- if tools %}
{{- '<|im_start|>system\\n# Tools' }}
{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role not in ['system', 'user', 'assistant', 'tool'] %}
{{- raise_exception('Unknown role: ' + message.role) }}
{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}{{- message.content }}{%- endif %}
{%- if message.tool_calls %}
{%- for call in message.tool_calls %}
{{- '<tool_call>' + (call.function | tojson) + '</tool_call>' }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}`;

/** The 256 characters of the byte-level alphabet: vocabulary entries 0 to 255, in byte order. */
function byteCharacters(): string[] {
  const printable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** Merges that build each word, in order; a part that is not yet a token is built from its characters first. */
function mergeList(): [string, string][] {
  const merges = new Map<string, [string, string]>();
  const build = (parts: readonly string[]): string =>
    parts.reduce((left, right) => {
      if (right.length > 1) build([...right]);
      merges.set(`${left} ${right}`, [left, right]);
      return left + right;
    });
  MERGED_WORDS.forEach(build);
  return [...merges.values()];
}

/** The tiny tokenizer's own added tokens and `extra`, every flag given. */
function addedTokens(extra: readonly TinyAddedToken[]): Required<TinyAddedToken>[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const isMarkup = (content: string) => /think|tool_call/.test(content);
  const own = TINY_SPECIAL_TOKENS.map((content) => ({ ...flags, content, special: !isMarkup(content) }));
  return [...own, ...extra.map((token) => ({ ...flags, special: true, ...token }))];
}

/**
 * The `tokenizer.json` of the tiny tokenizer, fresh at each call, with `extra` added tokens after its own and, on demand, a
 * normalizer.
 */
export function tinyTokenizerJson(
  extra: readonly TinyAddedToken[] = [],
  normalizer: JsonValue = null,
): JsonObject {
  const merges = mergeList();
  const vocab: Record<string, number> = {};
  for (const content of [...byteCharacters(), ...merges.map(([left, right]) => left + right)]) {
    vocab[content] ??= Object.keys(vocab).length;
  }
  const firstSpecial = Object.keys(vocab).length;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(extra).map((token, index) => ({ id: firstSpecial + index, ...token })),
    normalizer,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: {
            Regex:
              "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: "Isolated",
          invert: false,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
}

/** The `tokenizer_config.json` of the tiny tokenizer. */
export function tinyTokenizerConfig(): JsonObject {
  return {
    bos_token: null,
    eos_token: "<|im_end|>",
    pad_token: { content: "<|endoftext|>" },
    chat_template: TINY_CHAT_TEMPLATE,
  };
}

/** Loads the tiny tokenizer: some milliseconds. Without a worker unless asked for. */
export function loadTinyTokenizer(options: LoadTokenizerOptions = {}): Promise<LoadedTokenizer> {
  return loadTokenizerFromData(
    { source: "tiny", tokenizer: tinyTokenizerJson(), config: tinyTokenizerConfig() },
    { worker: false, ...options },
  );
}

/** The tiny tokenizer with another chat template, for routers one after the other: closing it does nothing. */
export async function loadTinyWithTemplate(template: string): Promise<LoadedTokenizer> {
  const loaded = await loadTokenizerFromData({
    source: "tiny",
    tokenizer: tinyTokenizerJson(),
    config: { ...tinyTokenizerConfig(), chat_template: template },
  }, { worker: false });
  Object.assign(loaded.tokenizer, { close() {} });
  return loaded;
}

/** Prints the ids of calls, in the assistant's turn and before each result. */
export const IDS_CHAT_TEMPLATE = TINY_CHAT_TEMPLATE
  .replace("{{- '<tool_call>' + (call", "{{- '<tool_call>' + call.id + (call")
  .replace(
    "{%- if message.content is string %}",
    "{%- if message.role == 'tool' %}{{- message.tool_call_id + ':' }}{%- endif %}{%- if message.content is string %}",
  );

/**
 * A `tokenizer.json` in the style of SentencePiece: spaces are `▁`, one is put before the text (`first`: only where a
 * sequence starts; `always`: also after a special token), unknown characters fall back to `<0xNN>` tokens.
 */
export function tinyMetaspaceJson(prependScheme: "first" | "always" | "never" = "first"): JsonObject {
  const special = ["<unk>", "<s>", "</s>"];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const letters = ["▁", ..."abcdefghijklmnopqrstuvwxyzHW,.!?0123456789é\n"];
  const merges = [["h", "e"], ["l", "o"], ["he", "l"], ["hel", "lo"], ["▁", "hello"], ["▁", "▁"], ["▁", "a"]];
  const contents = [...special, ...bytes, ...letters, ...merges.map(([left, right]) => left! + right!)];
  const decoders = [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
    { type: "Strip", content: " ", start: 1, stop: 0 },
  ];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: prependScheme, split: false },
    post_processor: null,
    decoder: { type: "Sequence", decoders },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(contents.map((content, id) => [content, id])),
      merges: merges.map((merge) => [...merge]),
    },
  };
}
