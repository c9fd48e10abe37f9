/**
 * The `auto` rule: kitoken for byte-level BPE, if it agrees with the pure TypeScript backend on a set of hard texts; the
 * pure TypeScript backend for the rest.
 *
 * @module
 */
import { TokenizerLoadError } from "../errors.ts";
import { createBackend, type EncodeBackend } from "./backend.ts";
import { equalIds } from "./continuation.ts";
import type { ProbeAnswers } from "./load_protocol.ts";
import { isByteLevelBpe, type TokenizerFile, type TokenizerOutline } from "./tokenizer_file.ts";

/** A backend and why it was taken. */
export interface BackendChoice {
  readonly backend: EncodeBackend;
  readonly reason: string;
}

/** How many of the file's added tokens are put into probes. */
const PROBED_TOKENS_MAX = 24;

/** Texts on which tokenizers go wrong: scripts, numbers, white space, normal forms, cut-up and look-alike markers. */
const PROBES: readonly string[] = [
  "Hello, world! I'm sure they'll say it's DON'T.",
  "  leading, trailing   and inner     runs  \n\n\n  \t\t x\r\n\r\ny \u00a0\u3000z\u2028w\n ",
  "1 12 123 1234 12345678901234567890 3.14159 -0.5e-10 0xdeadbeef ½ ² ٣٤ ௧௨ Ⅻ",
  "function f(x) {\n\treturn x?.y ?? [...z].map(v => v ** 2); // ok\n}\n#include <a.h>\n",
  "中文分词测试，日本語のテキスト・カタカナ、한국어 문장입니다。",
  "العربية مع تَشْكِيل وعِبْرִית עברית हिन्दी ไทยไม่มีช่องว่าง தமிழ்",
  "café naïve Ångström é Å a\u0308\u0323 \u1100\u1161\u11a8 가각 ﬁ Ⅷ ｆｕｌｌ",
  "cafe\u0301 nai\u0308ve A\u030angstro\u0308m",
  "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪🇯🇵 ☕️ 😀😀😀",
  "a\u0000b\u0001\u001b[0m\u007f\ufeff\ufffd\u200b\u200d\u00ad",
  "<|im_start|>user\n<|im_end|><|eot_id|><s></s>[INST]<think>\n</think><｜User｜><tool_call>",
  "<|im_start <|>|> <||> <|im_end|", // look-alikes
  "ǅ ǈ ß ẞ İ ı ſ K \u{10400}\u{1D400}\u{20000}",
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + " ".repeat(100) +
  "=".repeat(100),
  "http://example.com/a/b?c=d&e=%20f#g user@example.org C:\\dir\\file.txt #tag @name",
];

/**
 * Picks and makes the backend for a file.
 *
 * @throws {TokenizerLoadError} when no backend reads the file
 */
export async function chooseBackend(file: TokenizerFile): Promise<BackendChoice> {
  if (!isByteLevelBpe(file)) {
    return {
      backend: await createBackend("huggingface", file),
      reason: `${file.modelType}, not byte-level BPE`,
    };
  }
  const [kitoken, huggingface] = await Promise.all([attempt("kitoken", file), attempt("huggingface", file)]);
  if (kitoken instanceof Error) {
    if (huggingface instanceof Error) throw huggingface;
    return { backend: huggingface, reason: kitoken.message };
  }
  if (huggingface instanceof Error) {
    const answers = { state: "unreadable", message: huggingface.message } as const;
    return { backend: kitoken, reason: compareWithProbes(kitoken, answers).reason };
  }
  const { agrees, reason } = compareWithProbes(kitoken, answerProbes(huggingface, file));
  const [kept, other] = agrees ? [kitoken, huggingface] : [huggingface, kitoken];
  other.close();
  return { backend: kept, reason };
}

/** What the backend that is compared with makes of the probes. */
export function answerProbes(backend: EncodeBackend, file: TokenizerOutline): ProbeAnswers {
  const encode = (text: string) => ({ text, ids: encodeOrNull(backend, text) });
  return { state: "encoded", probes: probeTexts(file).map(encode) };
}

/** Whether kitoken gives the same ids, and the reason to take it or not. */
export function compareWithProbes(
  kitoken: EncodeBackend,
  answers: ProbeAnswers,
): { agrees: boolean; reason: string } {
  if (answers.state === "not asked") return { agrees: true, reason: "as asked for" };
  if (answers.state === "unreadable") {
    return { agrees: true, reason: `byte-level BPE, not compared (${answers.message})` };
  }
  const different = answers.probes.find(({ text, ids }) => {
    const own = encodeOrNull(kitoken, text);
    return ids === null || own === null || !equalIds(own, ids);
  });
  return different === undefined
    ? { agrees: true, reason: "byte-level BPE, equal to huggingface on all probes" }
    : { agrees: false, reason: `kitoken differs from huggingface on ${JSON.stringify(different.text)}` };
}

/** The fixed probes, and the file's own added tokens between text. */
export function probeTexts(file: TokenizerOutline): string[] {
  const tokens = file.addedTokens;
  const step = Math.max(1, Math.floor(tokens.length / PROBED_TOKENS_MAX));
  const contents = tokens.filter((_, index) => index % step === 0).map((token) => token.content);
  return [
    ...PROBES,
    contents.map((content) => `${content}a`).join(""),
    contents.map((content) => ` ${content} \n`).join(" b"),
    contents.join(""),
    contents.map((content) => content.slice(0, -1)).join(" "),
  ];
}

/** A backend that fails on a text does not agree with any. */
function encodeOrNull(backend: EncodeBackend, text: string): Uint32Array | null {
  try {
    return backend.encode(text);
  } catch {
    return null;
  }
}

async function attempt(name: "kitoken" | "huggingface", file: TokenizerFile): Promise<EncodeBackend | Error> {
  try {
    return await createBackend(name, file);
  } catch (error) {
    if (error instanceof TokenizerLoadError) return error;
    throw error;
  }
}
