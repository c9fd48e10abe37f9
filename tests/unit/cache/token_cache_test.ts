import assert from "node:assert/strict";
import { type PreparedPrompt, TokenCache } from "../../../src/cache/token_cache.ts";
import type { SampledOutput } from "../../../src/engine/engine.ts";
import { ReaderWriterLock } from "../../../src/sync/reader_writer_lock.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { createTokenTrie } from "../../../src/trie/mod.ts";
import { loadTinyTokenizer } from "../../support/tiny_tokenizer.ts";

const { tokenizer } = await loadTinyTokenizer();
const PROMPT = "<|im_start|>user\nhello<|im_end|>\n";

async function setUp(options: { maxCacheSize?: number; tokenizer?: Tokenizer } = {}) {
  const { maxCacheSize = 10_000 } = options;
  const trie = await createTokenTrie({ maxCacheSize });
  const lock = new ReaderWriterLock();
  let yields = 0;
  const cache = new TokenCache({
    trie,
    lock,
    tokenizer: options.tokenizer ?? tokenizer,
    yieldToOthers: () => Promise.resolve(void yields++),
  });
  return { cache, trie, lock, yields: () => yields };
}

function output(ids: ArrayLike<number>, more: Partial<SampledOutput> = {}): SampledOutput {
  const tokenIds = Uint32Array.from(ids);
  return {
    text: tokenizer.decode(tokenIds),
    tokenIds,
    logprobs: new Float64Array(tokenIds.length).fill(-1),
    finishReason: { type: "length" },
    versions: [],
    promptTokens: null,
    completionTokens: null,
    cachedTokens: null,
    inconsistency: null,
    ...more,
  };
}

function postedIds(prompt: PreparedPrompt): number[] {
  const cached = JSON.parse(`[${new TextDecoder().decode(prompt.matchedDigits)}]`) as number[];
  return [...cached, ...prompt.restIds];
}

Deno.test("TokenCache: a prompt, its reply and the next prompt are one token sequence", async () => {
  const { cache, trie } = await setUp();
  const first = await cache.prepareText(PROMPT);
  assert.deepEqual(postedIds(first), [...tokenizer.encode(PROMPT)]);
  assert.deepEqual(await cache.commit(first, output([72, 258])), { ok: true, relation: "equal" });
  cache.release(first);
  const text = tokenizer.decode([72, 258]);
  const second = await cache.prepareText(`${PROMPT}${text} and`);
  assert.deepEqual(postedIds(second).slice(0, first.tokenCount + 2), [...postedIds(first), 72, 258]);
  assert.equal(second.tokenCount, postedIds(second).length);
  assert.equal(trie.stats().pinned, 1);
  cache.release(second);
  cache.release(second);
  assert.equal(trie.stats().pinned, 0, "twice is harmless");
});

Deno.test("TokenCache.prepareIds() leaves the ids alone and finds the longest path they begin with", async () => {
  const { cache } = await setUp();
  const prompt = await cache.prepareText(PROMPT);
  await cache.commit(prompt, output([72, 258]));
  const ids = Uint32Array.from([...tokenizer.encode(PROMPT), 72, 258, 65]);
  const found = await cache.prepareIds(ids);
  assert.equal(found.matchedTokens, ids.length - 1);
  assert.deepEqual([...found.restIds], [65]);
  const other = await cache.prepareIds(Uint32Array.from([...tokenizer.encode(PROMPT), 72, 65]));
  assert.equal(other.matchedTokens, tokenizer.encode(PROMPT).length, "a sampled segment is not cut");
});

const REFUSALS: readonly [name: string, more: Partial<SampledOutput>, reason: string][] = [
  ["contradictions", { inconsistency: "completion_tokens is 3, ids are 1" }, "inconsistent reply"],
  ["another prompt count", { promptTokens: 1 }, "prompt count differs"],
  ["an unknown id", { tokenIds: Uint32Array.of(99_999) }, "unknown token id"],
  ["versions that do not fit", { versions: [{ tokens: 9, version: 1 }] }, "cache refused"],
];
for (const [name, more, reason] of REFUSALS) {
  Deno.test(`TokenCache.commit() records neither prompt nor output of a reply with ${name}`, async () => {
    const { cache, trie } = await setUp();
    const prompt = await cache.prepareText(PROMPT);
    const result = await cache.commit(prompt, output([72], more));
    assert.equal(result.ok ? null : result.reason, reason);
    assert.equal(trie.stats().entries, 0);
  });
}

Deno.test("TokenCache.commit() of no tokens records the prompt alone, and nothing when that is known", async () => {
  const { cache, trie } = await setUp();
  for (let i = 0; i < 2; i++) {
    const prompt = await cache.prepareText(PROMPT);
    assert.equal((await cache.commit(prompt, output([]))).ok, true);
    cache.release(prompt);
  }
  assert.equal(trie.stats().segments, 1);
});

Deno.test("TokenCache.commit() after the cache was cleared is refused, not misplaced", async () => {
  const { cache, trie } = await setUp();
  const seed = await cache.prepareText(PROMPT);
  await cache.commit(seed, output([72]));
  const prompt = await cache.prepareText(PROMPT);
  await cache.clear();
  const result = await cache.commit(prompt, output([72]));
  assert.equal(result.ok ? null : result.reason, "cache refused");
  assert.equal(trie.stats().entries, 0);
});

Deno.test("TokenCache: unversioned entries are bounded, and a path in use outlives the pressure", async () => {
  const { cache, trie } = await setUp({ maxCacheSize: 60 });
  const kept = await cache.prepareText(PROMPT);
  await cache.commit(kept, output([72]));
  cache.release(kept);
  const held = await cache.prepareText(`${PROMPT}H`);
  for (let i = 0; i < 40; i++) {
    const prompt = await cache.prepareText(`number ${i}`);
    await cache.commit(prompt, output([65, 66]));
    cache.release(prompt);
    assert.ok(trie.stats().tokens <= 60);
  }
  assert.equal((await cache.commit(held, output([73]))).ok, true);
});

Deno.test("TokenCache.prepareText() releases the pin when encoding fails or the client leaves", async () => {
  const failing: Tokenizer = Object.create(tokenizer, {
    encodePrompt: { value: () => Promise.reject(new Error("worker died")) },
  });
  const { cache, trie } = await setUp({ tokenizer: failing });
  trie.append(null, [{ keys: [{ text: "ab" }], tokenIds: [97, 98], sampled: true }]);
  await assert.rejects(async () => await cache.prepareText("abc"), /worker died/);
  assert.equal(trie.stats().pinned, 0);
  await assert.rejects(cache.retrieve("abc", true), /worker died/);
  assert.equal(trie.stats().pinned, 0);
});

Deno.test("TokenCache.retrieve() records the rest as a prompt only when asked", async () => {
  const { cache, trie } = await setUp();
  const { restIds } = await cache.retrieve(PROMPT, false);
  assert.deepEqual([...restIds], [...tokenizer.encode(PROMPT)]);
  assert.equal(trie.stats().entries, 0);
  await cache.retrieve(PROMPT, true);
  assert.equal(trie.stats().entries, 1);
  assert.equal((await cache.retrieve(PROMPT, true)).restIds.length, 0);
  assert.equal(trie.stats().pinned, 0);
  assert.equal((await cache.retrieve("", true)).match.tokenIds.length, 0);
});

Deno.test("TokenCache waits for who holds the lock, and a look-up gives up with its client", async () => {
  const { cache, lock } = await setUp();
  const writer = await lock.write();
  const client = new AbortController();
  const gone = assert.rejects(async () => await cache.prepareText(PROMPT, undefined, client), /gone/);
  const stays = cache.prepareText(PROMPT);
  client.abort(new Error("gone"));
  await gone;
  writer[Symbol.dispose]();
  assert.ok((await stays).tokenCount > 0);
  assert.equal(lock.stats.waiting, 0);
});

Deno.test("TokenCache.collect() removes old versions in slices and lets others in between", async () => {
  const { cache, trie, yields } = await setUp({ maxCacheSize: 100_000 });
  for (let i = 0; i < 1_200; i++) {
    trie.append(null, [{ keys: [{ text: `k${i};` }], tokenIds: [65, i], sampled: true, versions: i % 10 }]);
  }
  const report = await cache.collect(9, 5);
  assert.deepEqual(report, { removedEntries: 600, removedTokens: 1_200, done: true });
  assert.ok(yields() >= 1);
  assert.equal(trie.stats().entries, 600);
});
