/** The WebAssembly trie against the model trie: the same random operations, the same answers. */
import assert from "node:assert/strict";
import { createTokenTrie, ModelTrie, type PathHandle, type TokenTrie } from "../../../src/trie/mod.ts";
import type { SegmentInput, SegmentKey, SplicePoint } from "../../../src/trie/token_trie.ts";

const OPERATIONS = 60_000;
const CHECK_EVERY = 40;
/** Small, so that texts meet; with sequences of two, three and four bytes that share their first bytes. */
const LETTERS = ["a", "b", "\0", "é", "è", "世", "丗", "😀", "😃"];
const SCOPES = [undefined, undefined, "one", "two"];
const VERSIONS = [null, null, "default", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Mulberry32: a seeded generator of numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A handle in either trie. */
interface HandlePair {
  readonly wasm: PathHandle;
  readonly model: PathHandle;
}

class Twins {
  readonly #random: () => number;
  readonly #handles: HandlePair[] = [];
  readonly #texts: string[] = ["a"];

  /** `marks`: workers are marked. The core then keeps nodes that the model does without. */
  constructor(readonly wasm: TokenTrie, readonly model: TokenTrie, seed: number, readonly marks: boolean) {
    this.#random = seeded(seed);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #text(lettersMax: number): string {
    return Array.from({ length: 1 + this.#below(lettersMax) }, () => this.#pick(LETTERS)).join("");
  }

  /** Often a known text, longer or shorter by some letters. */
  #knownText(): string {
    const letters = [...this.#pick(this.#texts)];
    const text = letters.slice(0, 1 + this.#below(letters.length)).join("") +
      (this.#below(2) ? this.#text(3) : "");
    this.#remember(this.#texts, text, 60);
    return text;
  }

  #ids(): number[] {
    return Array.from({ length: 1 + this.#below(4) }, () => this.#below(3));
  }

  #logprob(): number | null {
    return this.#pick([null, -0.5, -0.1, 0, -0]);
  }

  /** Keys may be cut anywhere, also inside a character. */
  #key(tokens: number): SegmentKey {
    const text = this.#text(3);
    const bytes = new TextEncoder().encode(text);
    const cut = this.#below(4) === 0 ? bytes.subarray(0, 1 + this.#below(bytes.length)) : text;
    return this.#below(3) === 0 ? { text: cut, tokens: 1 + this.#below(tokens) } : { text: cut };
  }

  #segment(): SegmentInput {
    const tokenIds = this.#ids();
    const sampled = this.#below(2) === 0;
    const first = this.#text(4);
    const keys: SegmentKey[] = [{ text: first }];
    while (this.#below(3) === 0 && keys.length < 4) keys.push(this.#key(tokenIds.length));
    const scope = this.#pick(SCOPES);
    const splicePoints: SplicePoint[] = [];
    const byteOffset = 1 + this.#below(new TextEncoder().encode(first).length);
    const tokenIndex = 1 + this.#below(tokenIds.length);
    if (this.#below(2)) splicePoints.push({ byteOffset, tokenIndex });
    return {
      keys,
      tokenIds,
      sampled,
      ...(this.#below(2) ? { logprobs: tokenIds.map(() => this.#logprob()) } : {}),
      ...(sampled ? { versions: this.#pick(VERSIONS) } : { splicePoints }),
      ...(scope === undefined ? {} : { scope }),
    };
  }

  #handle(): HandlePair | null {
    return this.#handles.length === 0 || this.#below(4) === 0 ? null : this.#pick(this.#handles);
  }

  #keep(wasm: PathHandle | null, model: PathHandle | null): void {
    assert.equal(wasm === null, model === null);
    if (wasm !== null && model !== null) this.#remember(this.#handles, { wasm, model }, 12);
  }

  /** Adds an item, in the place of another when there are `most`. */
  #remember<T>(items: T[], item: T, most: number): void {
    if (items.length < most) items.push(item);
    else items[this.#below(most)] = item;
  }

  /** Does one random operation in both. Returns what it was, for messages. */
  step(): string {
    const kind = this.#below(100);
    if (kind < 25) return this.#insert();
    if (kind < 50) return this.#append();
    if (kind < 60) return this.#match("findLongestPrefix");
    if (kind < 70) return this.#match("retrieveFromText");
    if (kind < 83) return this.#continue();
    if (kind < 88) return this.#continueIds();
    if (kind < 91) return this.#releaseOrRead();
    if (kind < 94) return this.#mark();
    if (kind < 96) return this.#remove();
    if (kind < 99) return this.#collect();
    if (this.#below(2)) return this.#saveAndLoad();
    return this.#below(2) ? this.#clear() : this.#collect();
  }

  #both(what: string, run: (trie: TokenTrie) => unknown): string {
    assert.deepEqual(run(this.wasm), run(this.model), what);
    return what;
  }

  #insert(): string {
    const text = this.#knownText();
    const ids = this.#ids().concat(this.#below(2) ? this.#ids() : []);
    const logprobs = this.#below(2) ? ids.map(() => this.#logprob()) : null;
    const mask = this.#below(3) ? ids.map(() => this.#below(2)) : null;
    const version = this.#pick(VERSIONS);
    return this.#both(
      `insert ${JSON.stringify([text, ids, logprobs, mask, version])}`,
      (trie) => [trie.insert(text, ids, logprobs, mask, version), trie.lastRefusal],
    );
  }

  #append(): string {
    const parent = this.#handle();
    const segments = Array.from({ length: 1 + this.#below(3) }, () => this.#segment());
    const wasm = this.wasm.append(parent?.wasm ?? null, segments);
    const model = this.model.append(parent?.model ?? null, segments);
    const what = `append ${JSON.stringify([parent, segments])}`;
    if (wasm.ok && model.ok) this.#keep(wasm.handle, model.handle);
    else assert.deepEqual(wasm, model, what);
    return what;
  }

  #match(method: "findLongestPrefix" | "retrieveFromText"): string {
    const text = this.#knownText();
    const options = this.#options(false);
    const wasm = this.wasm[method](text, options);
    const model = this.model[method](text, options);
    assert.deepEqual(
      { ...wasm, handle: null },
      { ...model, handle: null },
      `${method} ${JSON.stringify(text)}`,
    );
    this.#keep(wasm.handle, model.handle);
    return method;
  }

  #options(mayPin: boolean): { scope?: string; pin?: boolean } {
    const scope = this.#pick(SCOPES);
    const pin = mayPin && this.#below(3) === 0;
    return { ...(scope === undefined ? {} : { scope }), ...(pin ? { pin } : {}) };
  }

  #continue(): string {
    const text = this.#knownText();
    const options = this.#options(true);
    const wasm = this.wasm.findContinuation(text, options);
    const model = this.model.findContinuation(text, options);
    assert.deepEqual(
      { ...wasm, handle: null },
      { ...model, handle: null },
      `continue ${JSON.stringify(text)}`,
    );
    if (options.pin && wasm.handle && model.handle) {
      this.#pins.push({ wasm: wasm.handle, model: model.handle });
    }
    this.#keep(wasm.handle, model.handle);
    return "findContinuation";
  }

  readonly #pins: HandlePair[] = [];

  #continueIds(): string {
    const bytes = new TextEncoder().encode(this.#knownText());
    const ids = Uint32Array.from(this.#ids().concat(this.#ids()));
    const options = this.#options(false);
    const wasm = this.wasm.findContinuationOfIds(bytes, ids, options);
    const model = this.model.findContinuationOfIds(bytes, ids, options);
    assert.deepEqual({ ...wasm, handle: null }, { ...model, handle: null }, "findContinuationOfIds");
    this.#keep(wasm.handle, model.handle);
    return "findContinuationOfIds";
  }

  #releaseOrRead(): string {
    const pinned = this.#pins.length > 3 ? this.#pins.shift() : undefined;
    if (pinned) {
      this.wasm.release(pinned.wasm);
      this.model.release(pinned.model);
    }
    const handle = this.#handle();
    if (handle) assert.deepEqual(this.wasm.read(handle.wasm), this.model.read(handle.model), "read");
    return "release and read";
  }

  #mark(): string {
    const handle = this.#handle();
    const worker = this.#below(this.#below(2) ? 4 : 30);
    if (this.#below(20) === 0) {
      this.wasm.removeHolder(worker);
      this.model.removeHolder(worker);
    } else if (handle && this.marks) {
      const wasm = this.wasm.markHolder(handle.wasm, worker);
      assert.equal(wasm, this.model.markHolder(handle.model, worker), "markHolder");
    }
    const text = this.#knownText();
    const ids = this.#below(3) ? undefined : Uint32Array.from(this.#ids().concat(this.#ids()));
    return this.#both(`holders ${JSON.stringify(text)} ${ids}`, (trie) => trie.holders(text, ids));
  }

  #remove(): string {
    const text = this.#knownText();
    return this.#both(`remove ${JSON.stringify(text)}`, (trie) => trie.remove(text));
  }

  #collect(): string {
    const current = this.#below(12);
    const k = this.#below(7);
    const most = 1 + this.#below(6);
    if (this.#below(2)) return this.#both("gcSlice", (trie) => trie.gcSlice(current, k, most));
    return this.#both("gcByWeightVersion", (trie) => trie.gcByWeightVersion(current, k));
  }

  /** What comes after it shows whether anything was lost, the order of eviction included. */
  #saveAndLoad(): string {
    return this.#both("save and load", (trie) => {
      const { pinned: _, ...before } = trie.stats();
      trie.load(trie.save());
      const { pinned, ...after } = trie.stats();
      assert.deepEqual({ ...after, usedBytes: 0, memoryBytes: 0 }, {
        ...before,
        usedBytes: 0,
        memoryBytes: 0,
      });
      return pinned;
    });
  }

  #clear(): string {
    this.wasm.clear();
    this.model.clear();
    return "clear";
  }

  compareStats(what: string): void {
    const [wasm, model] = [this.wasm.stats(), this.model.stats()];
    const same = { usedBytes: 0, memoryBytes: 0, ...(this.marks ? { nodes: 0 } : {}) };
    assert.deepEqual({ ...wasm, ...same }, { ...model, ...same }, what);
    assert.ok(wasm.nodes >= model.nodes, what);
    this.wasm.checkInvariants();
    this.model.checkInvariants();
  }
}

for (const [maxCacheSize, seed, marks] of [[24, 1, true], [80, 2, false], [400, 3, true]] as const) {
  Deno.test(`WasmTrie and ModelTrie agree on random operations, at most ${maxCacheSize} tokens`, async () => {
    const options = { maxCacheSize, gcThresholdK: 3 };
    const twins = new Twins(await createTokenTrie(options), new ModelTrie(options), seed, marks);
    const steps = OPERATIONS / 3;
    for (let i = 0; i < steps; i++) {
      let what = `step ${i}`;
      try {
        what = twins.step();
        if (i % CHECK_EVERY === 0) twins.compareStats(what);
      } catch (error) {
        throw new Error(`seed ${seed}, step ${i}, after ${what}`, { cause: error });
      }
    }
    const { evictedTokens, hits } = twins.wasm.stats();
    assert.ok(hits > steps / 10 && evictedTokens.lru + evictedTokens.version > 0, "too little happened");
  });
}
