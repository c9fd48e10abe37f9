import { loadTokenizerFromData } from "../../../src/tokenizer/load.ts";
import type { JsonObject } from "../../../src/types.ts";
import {
  AWKWARD_TOKENS,
  loadTinyTokenizer,
  tinyMetaspaceJson,
  tinyTokenizerJson,
} from "../../support/tiny_tokenizer.ts";
import { readGolden, testTokenizer } from "../../support/tokenizer_suite.ts";

const WORDS = [
  "a",
  "HAVING",
  " the",
  "hello",
  " world",
  "json",
  "jsonp",
  "你好",
  "😀",
  "é",
  "<",
  ">",
  "!",
  " ",
  "  \n",
  "12",
];
const SPECIAL = ["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<|endoftext|>"];
const AWKWARD = [...AWKWARD_TOKENS.map((token) => token.content), "think>", "im_end|>", "<late>", "_"];

for (const backend of ["kitoken", "huggingface", "tokenizers-wasm"] as const) {
  testTokenizer(`tiny byte-level BPE over ${backend}`, {
    load: () => loadTinyTokenizer({ backend }),
    golden: readGolden("tiny"),
    pieces: [...WORDS, ...SPECIAL],
    addedToken: { content: "<|im_start|>", id: 308, special: true },
  });

  testTokenizer(`tiny with awkward added tokens over ${backend}`, {
    load: () => load(tinyTokenizerJson(AWKWARD_TOKENS), backend),
    golden: readGolden("tiny_awkward"),
    pieces: [...WORDS, ...SPECIAL, ...AWKWARD],
    addedToken: { content: "<think>", id: 310, special: false },
    decoded: withoutSwallowedSpace,
    runs: 500,
  });

  testTokenizer(`tiny with a normalizer over ${backend}`, {
    load: () => load(tinyTokenizerJson(AWKWARD_TOKENS, { type: "NFC" }), backend),
    golden: readGolden("tiny_nfc"),
    pieces: [...WORDS, ...SPECIAL, ...AWKWARD, "e", "\u0301", "<cafe\u0301>"],
    addedToken: { content: "<think>", id: 310, special: false },
    decoded: (text) => withoutSwallowedSpace(text).normalize("NFC"),
    runs: 500,
  });
}

for (const scheme of ["first", "always", "never"] as const) {
  testTokenizer(`tiny Metaspace, ${scheme}, over huggingface`, {
    load: () => load(tinyMetaspaceJson(scheme), "huggingface"),
    golden: readGolden(`tiny_metaspace_${scheme}`),
    pieces: ["hello", " hello", "a", " a", "  ", "\n", "é", "你", "😀", "<s>", "</s>"],
    addedToken: { content: "</s>", id: 2, special: true },
    decoded: scheme === "always" ? withSpaceBeforeEachPiece : (text) => text,
  });
}

function load(tokenizer: JsonObject, backend: "kitoken" | "huggingface" | "tokenizers-wasm") {
  return loadTokenizerFromData({ source: "tiny", tokenizer }, { backend, worker: false });
}

/** White space that an added token takes is not in its content. */
function withoutSwallowedSpace(text: string): string {
  return text.replace(/<\|mask\|>\s+/g, "<|mask|>").replace(/\s+<\|pad\|>/g, "<|pad|>");
}

/** With `always`, every piece between special tokens gets a space of its own. */
function withSpaceBeforeEachPiece(text: string): string {
  return text.split(/(<\/?s>)/).map((piece) =>
    /^(<\/?s>|)$/.test(piece) || piece.startsWith(" ") ? piece : ` ${piece}`
  ).join("");
}
