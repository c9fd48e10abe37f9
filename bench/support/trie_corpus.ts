/**
 * Seeded texts and tokens for the trie's benchmark: the shapes that other routers' trees are measured with.
 *
 * @module
 */

/** A text with its payload: about four characters a token, as trained tokenizers give. */
export interface TrieEntry {
  readonly text: string;
  readonly tokenIds: Uint32Array;
  readonly logprobs: Float64Array;
  readonly lossMask: Uint8Array;
}

const CHAT_PREFIXES = [
  "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
  "<|im_start|>system\nYou are a careful programmer. Answer with code.<|im_end|>\n<|im_start|>user\n",
  "<|im_start|>system\nThink step by step, then answer.<|im_end|>\n<|im_start|>user\n",
  "<|im_start|>system\nYou may call tools.<|im_end|>\n<|im_start|>user\n",
  "<|im_start|>user\n",
  "Human: ",
];
const CHARS_PER_TOKEN = 4;
const VOCABULARY = 150_000;

/** Mulberry32: numbers in [0, 1) from a seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Printable ASCII, flat in memory. */
export function randomAscii(random: () => number, chars: number): string {
  const bytes = new Uint8Array(chars);
  for (let i = 0; i < chars; i++) bytes[i] = 32 + Math.floor(random() * 95);
  return new TextDecoder().decode(bytes);
}

/** Payload for a text: random ids, and logprobs as engines have them, which are 32-bit numbers. */
export function entryOf(random: () => number, text: string): TrieEntry {
  const count = Math.ceil(text.length / CHARS_PER_TOKEN);
  return {
    text: flat(text),
    tokenIds: Uint32Array.from({ length: count }, () => Math.floor(random() * VOCABULARY)),
    logprobs: Float64Array.from({ length: count }, () => Math.fround(-random())),
    lossMask: new Uint8Array(count).fill(1),
  };
}

/** `count` texts of `chars` characters: six chat prefixes, then random ASCII. */
export function chatEntries(seed: number, count: number, chars: number): TrieEntry[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => {
    const prefix = CHAT_PREFIXES[i % CHAT_PREFIXES.length]!;
    return entryOf(random, prefix + randomAscii(random, chars - prefix.length));
  });
}

/** Conversations whose turns extend one another: every text of every turn, whole, turn by turn. */
export function conversationTurns(seed: number, conversations: number, turns: number): TrieEntry[][] {
  const random = seeded(seed);
  const system = randomAscii(random, 2_048);
  const texts = Array.from({ length: conversations }, () => entryOf(random, system));
  return Array.from({ length: turns }, () =>
    texts.map((before, i) => {
      const added = entryOf(random, randomAscii(random, 1_024));
      return texts[i] = {
        text: flat(before.text + added.text),
        tokenIds: concat(Uint32Array, before.tokenIds, added.tokenIds),
        logprobs: concat(Float64Array, before.logprobs, added.logprobs),
        lossMask: concat(Uint8Array, before.lossMask, added.lossMask),
      };
    }));
}

interface Settable<T> {
  set(from: T, at?: number): void;
  readonly length: number;
}

function concat<T extends Settable<T>>(make: new (length: number) => T, a: T, b: T): T {
  const out = new make(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** A copy without the inner structure that joining strings leaves, which would be measured with the trie. */
function flat(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** Short texts that part late: nearly as many inner nodes as texts. */
export function manyNodes(count: number): TrieEntry[] {
  const random = seeded(count);
  return Array.from({ length: count }, (_, i) => entryOf(random, `${(i >>> 1).toString(36)} ${i & 1}`));
}

/** Short texts that part early: few inner nodes. */
export function randomTexts(count: number): TrieEntry[] {
  const random = seeded(count);
  return Array.from({ length: count }, () => entryOf(random, randomAscii(random, 12)));
}
