import assert from "node:assert/strict";
import { CacheSnapshots, type SnapshotStore } from "../../src/cache/cache_snapshots.ts";
import { TokenCache } from "../../src/cache/token_cache.ts";
import { vocabularyId } from "../../src/cache/vocabulary_id.ts";
import { ConfigError } from "../../src/errors.ts";
import { snapshotFile } from "../../src/platform/snapshot_file.ts";
import { ReaderWriterLock } from "../../src/sync/reader_writer_lock.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { createTokenTrie } from "../../src/trie/mod.ts";
import { answerOf } from "../support/answers.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

/** A store in memory. */
function memoryStore(stored: Uint8Array | null = null): SnapshotStore & { stored: Uint8Array | null } {
  return {
    place: "memory",
    stored,
    read() {
      return Promise.resolve(this.stored);
    },
    write(snapshot) {
      this.stored = snapshot;
      return Promise.resolve();
    },
  };
}

async function generate(h: Harness, text: string): Promise<string> {
  const reply = await h.postOk("/generate", { text, sampling_params: { max_new_tokens: 8 } });
  return reply.text as string;
}

const saved = (h: Harness) => answerOf(h.request("/snapshot", { method: "POST" }));

Deno.test("POST /snapshot saves what another router then starts with", async () => {
  const snapshotStore = memoryStore();
  const prompt = chatPrompt("hello");
  let text: string;
  let sent: unknown;
  {
    await using h = await createHarness({ deps: { snapshotStore } });
    text = prompt + await generate(h, prompt);
    const { status, body } = await saved(h);
    assert.equal(status, 200);
    assert.deepEqual({ ...body, ms: 0 }, { status: "success", bytes: snapshotStore.stored!.length, ms: 0 });
    assert.ok(Number.isInteger(body.ms));
    sent = (await h.postOk("/retrieve_from_text", { text, insert: false })).tokens;
  }
  await using h = await createHarness({ deps: { snapshotStore } });
  const retrieved = await h.postOk("/retrieve_from_text", { text, insert: false });
  assert.deepEqual(retrieved.tokens, sent);
  assert.equal(retrieved.match_reason, "hit");
  assert.ok((retrieved.loss_mask as number[]).includes(1));
});

Deno.test("POST /snapshot is answered 409 without a file and 503 without a tokenizer", async () => {
  await using open = await createHarness();
  const conflict = await saved(open);
  assert.equal(conflict.status, 409);
  assert.equal(
    conflict.body.error,
    "Cannot save snapshot: the router has no file for it (--snapshot FILE)",
  );
  await using bare = await createHarness({ withTokenizer: false, deps: { snapshotStore: memoryStore() } });
  const { status, body } = await saved(bare);
  assert.equal(status, 503);
  assert.match(body.error as string, /^Cannot save snapshot: the router has no tokenizer/);
});

Deno.test("POST /snapshot is answered 500 when it cannot be written, and the router goes on", async () => {
  const snapshotStore: SnapshotStore = {
    place: "/full/disk",
    read: () => Promise.resolve(null),
    write: () => Promise.reject(new Error("no space left")),
  };
  await using h = await createHarness({ deps: { snapshotStore } });
  const { status, body } = await saved(h);
  assert.equal(status, 500);
  assert.equal(body.error, 'Cannot write snapshot "/full/disk": no space left');
  assert.equal(typeof await generate(h, chatPrompt("hello")), "string");
});

Deno.test("POST /snapshot among generations loses none and keeps pins", async () => {
  const snapshotStore = memoryStore();
  await using h = await createHarness({ deps: { snapshotStore } });
  const prompts = Array.from({ length: 12 }, (_, i) => chatPrompt(`hello ${i}`));
  const replies = await Promise.all([
    ...prompts.map((prompt) => generate(h, prompt)),
    ...Array.from({ length: 3 }, async () => {
      assert.equal((await saved(h)).status, 200);
      return "";
    }),
  ]);
  assert.equal(h.router.cache!.stats().pinned, 0);
  h.router.cache!.trie.checkInvariants();
  for (const [i, prompt] of prompts.entries()) {
    const { match_reason } = await h.postOk("/retrieve_from_text", { text: prompt + replies[i] });
    assert.equal(match_reason, "hit");
  }
  const trie = await createTokenTrie({ maxCacheSize: 1_000_000 });
  trie.load(snapshotStore.stored!, vocabularyId(h.loaded.tokenizer));
  trie.checkInvariants();
});

Deno.test("createRouter refuses a snapshot that is damaged or of other ids", async () => {
  const damaged = memoryStore(new TextEncoder().encode("no snapshot"));
  await assert.rejects(
    createHarness({ deps: { snapshotStore: damaged } }),
    (error: Error) =>
      error instanceof ConfigError && error.message === 'Cannot load snapshot "memory": 11 bytes are too few',
  );
  const foreign = memoryStore((await createTokenTrie()).save("vocabulary x"));
  await assert.rejects(
    createHarness({ deps: { snapshotStore: foreign } }),
    /^ConfigError: Cannot load snapshot "memory": its tag is "vocabulary x", asked for is "vocabulary [\w-]{43}"$/,
  );
});

Deno.test("CacheSnapshots.save() saves one after another, each what is there by then", async () => {
  await using h = await createHarness();
  const store = memoryStore();
  const order: string[] = [];
  const snapshots = new CacheSnapshots({
    cache: h.router.cache!,
    clock: { now: () => 0 },
    store: {
      ...store,
      async write(snapshot) {
        order.push("begin");
        await Promise.resolve();
        order.push("end");
        await store.write(snapshot);
      },
    },
  });
  const first = snapshots.save();
  h.router.cache!.trie.insert("later", [1]);
  await Promise.all([first, snapshots.save()]);
  assert.deepEqual(order, ["begin", "end", "begin", "end"]);
  const trie = await createTokenTrie();
  trie.load(store.stored!, vocabularyId(h.loaded.tokenizer));
  assert.equal(trie.findLongestPrefix("later").reason, "hit");
});

Deno.test("CacheSnapshots.load() reads the vocabulary, so that no save in the middle of work does", async () => {
  let reads = 0;
  const tokenizer = {
    vocabSize: 3,
    byteLength: () => 1,
    isSpecial: () => false,
    decodeBytes(ids: Uint32Array) {
      reads++;
      return new Uint8Array(ids.length);
    },
  } as unknown as Tokenizer;
  const cache = new TokenCache({ trie: await createTokenTrie(), lock: new ReaderWriterLock(), tokenizer });
  const snapshots = new CacheSnapshots({ cache, clock: { now: () => 0 }, store: memoryStore() });
  assert.equal(await snapshots.load(), null);
  assert.equal(reads, 1);
  await snapshots.save();
  assert.equal(reads, 1);
});

Deno.test("vocabularyId() differs where an id means something else", () => {
  const words = ["a", "b", "<end>"];
  const id = (vocabulary: readonly string[], special: number) =>
    vocabularyId({
      vocabSize: vocabulary.length,
      byteLength: (token) => vocabulary[token] === "" ? -1 : vocabulary[token]!.length,
      isSpecial: (token) => token === special,
      decodeBytes: (ids) => new TextEncoder().encode(Array.from(ids, (token) => vocabulary[token]).join("")),
    });
  const names = [id(words, 2), id(["b", "a", "<end>"], 2), id(["ab", "", "<end>"], 2), id(words, 1)];
  assert.equal(new Set(names).size, names.length);
  assert.equal(id([...words], 2), names[0]);
});

Deno.test("snapshotFile() replaces the file whole and leaves nothing beside it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "slime-router-" });
  try {
    const store = snapshotFile(`${folder}/cache.snapshot`);
    assert.equal(await store.read(), null);
    const large = new Uint8Array(9_000_000).fill(7);
    for (const content of [large, Uint8Array.of(1, 2, 3)]) {
      await store.write(content);
      assert.deepEqual(await store.read(), content);
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["cache.snapshot"]);
    const nowhere = snapshotFile(`${folder}/none/cache.snapshot`);
    await assert.rejects(nowhere.write(large), Deno.errors.NotFound);
    const taken = snapshotFile(`${folder}/taken`);
    await Deno.mkdir(`${folder}/taken`);
    await assert.rejects(taken.write(large));
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "cache.snapshot",
      "taken",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
