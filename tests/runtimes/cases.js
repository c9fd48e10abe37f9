/**
 * What the trie's package must do on every runtime. Plain JavaScript that imports nothing: the package is handed in, so
 * that whatever loads modules in its own way can run it.
 */

/** Throws unless both are the same as JSON. */
function same(actual, expected, what = "value") {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what} is ${a}, expected ${b}`);
}

function refused(run, pattern) {
  try {
    run();
  } catch (error) {
    if (pattern.test(error.message)) return error;
    throw new Error(`${error.message} does not match ${pattern}`);
  }
  throw new Error(`nothing was thrown, expected ${pattern}`);
}

/** Mulberry32: a seeded generator of integers below n. */
function seeded(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const sample = (text, tokenIds, more = {}) => ({ keys: [{ text }], tokenIds, sampled: true, ...more });
const prompt = (text, tokenIds) => ({ keys: [{ text }], tokenIds, sampled: false });

/** Each case gets `{ slime, create }`: the package, and a maker of tries. */
const CASES = {
  "insert() and retrieveFromText() give tokens with all that belongs to them": async ({ create }) => {
    const trie = await create();
    same(trie.insert("Hello World", [1, 2, 3], [-0.5, null, -0.25], [0, 1, 1], 7), true);
    const found = trie.retrieveFromText("Hello World, again");
    same([...found.tokenIds], [1, 2, 3]);
    same([...found.logprobs], [-0.5, NaN, -0.25]);
    same([...found.lossMask], [0, 1, 1]);
    same([...found.generationVersions], [-1, 7, 7]);
    same([found.matchedPrefix, found.remaining, found.reason], ["Hello World", ", again", "hit"]);
  },

  "text of several scripts is never cut inside a character": async ({ create }) => {
    const trie = await create();
    for (const [i, text] of ["世界", "世丗", "é", "😀😃", "🏳️‍🌈", "\0", "\ud800"].entries()) {
      same(trie.insert(text, [i + 1], null, [1]), true, text);
      same([...trie.findLongestPrefix(text).tokenIds], [i + 1], text);
    }
    same(trie.findLongestPrefix("😀😄").matchedPrefix, "");
  },

  "findContinuation() writes ids as JSON digits": async ({ create }) => {
    const trie = await create();
    trie.insert("a", [0, 151644, 4294967295], null, [1, 1, 1]);
    const { idDigits, tokenCount, matchedUnits } = trie.findContinuation("ab");
    same([new TextDecoder().decode(idDigits), tokenCount, matchedUnits], ["0,151644,4294967295", 3, 1]);
  },

  "append() keeps the samples of scopes apart": async ({ create }) => {
    const trie = await create();
    const { handle } = trie.append(null, [prompt("say ", [1])]);
    for (const [scope, id] of [["one", 2], ["two", 3]]) {
      same(trie.append(handle, [sample("hi", [id], { scope, versions: `label ${scope}` })]).ok, true);
    }
    for (const [scope, id] of [["one", 2], ["two", 3], [undefined, 3]]) {
      const found = trie.retrieveFromText("say hi", scope ? { scope } : {});
      same([...found.tokenIds], [1, id], scope);
      same(trie.versionLabel(found.generationVersions[1]), id === 2 ? "label one" : "label two");
    }
  },

  "the bound in tokens holds, least recently used first": async ({ create }) => {
    const trie = await create({ maxCacheSize: 3 });
    for (const [i, text] of ["a", "b", "c"].entries()) trie.insert(text, [i]);
    trie.findLongestPrefix("a");
    trie.insert("d", [9]);
    same(["a", "b", "c", "d"].filter((text) => trie.findLongestPrefix(text).spliceBytes > 0), [
      "a",
      "c",
      "d",
    ]);
  },

  "the bound in bytes holds": async ({ create }) => {
    const trie = await create({ maxCacheSize: 1e9, maxCacheBytes: 200_000 });
    for (let i = 0; i < 5_000; i++) trie.insert(`text number ${i}`, [i, i + 1]);
    const { usedBytes, entries } = trie.stats();
    same([usedBytes <= 200_000, entries > 100], [true, true]);
    trie.checkInvariants();
  },

  "gcByWeightVersion() lets old versions go": async ({ create }) => {
    const trie = await create();
    for (const version of [1, 2, 9]) trie.insert(`v${version}`, [version], null, [1], version);
    same(trie.gcByWeightVersion(9, 5).removedTokens, 2);
    same([...trie.findLongestPrefix("v9").tokenIds], [9]);
  },

  "a look-up tells what was evicted": async ({ create }) => {
    const trie = await create({ maxCacheSize: 4 });
    const long = "a text of some length, ".repeat(300);
    trie.insert(long, [1, 2]);
    trie.insert("short", [3]);
    trie.insert("all of it", [4, 5, 6, 7]);
    const asked = [long + "and more", "short", "shirt", long.slice(1)];
    same(asked.map((text) => trie.findContinuation(text).reason), [
      "evicted",
      "evicted",
      "no match",
      "no match",
    ]);
    same(trie.stats().misses_by_reason, {
      "evicted": 2,
      "no match": 2,
      "not at a splice point": 0,
      "empty": 0,
    });
  },

  "a text of 1 MB is found, and memory grows as it must": async ({ create }) => {
    const trie = await create({ maxCacheSize: 2_000_000 });
    const ids = Uint32Array.from({ length: 250_000 }, (_, i) => i);
    for (let i = 0; i < 3; i++) {
      const text = `${i} ` + "lorem ipsum dolor ".repeat(58_000);
      same(trie.insert(text, ids), true);
      same(trie.findLongestPrefix(text + "!").tokenIds.length, ids.length);
    }
    trie.checkInvariants();
  },

  "input that cannot be stored is refused in words": async ({ create }) => {
    const trie = await create();
    same(trie.insert("a", [-1]), false);
    same(trie.lastRefusal, "Cannot insert: token id 0 must be an integer in [0, 4294967295], received -1");
    let error = null;
    await create({ maxCacheSize: 0 }).catch((thrown) => error = thrown);
    same(error instanceof RangeError, true);
  },

  "save() and load() give the same answers, and damage is refused": async ({ slime, create }) => {
    const trie = await create();
    const { handle } = trie.append(null, [prompt("say ", [1])]);
    trie.append(handle, [sample("hi", [2], { scope: "one", versions: "label" })]);
    const bytes = trie.save("ids");
    const other = await create();
    other.load(bytes, "ids");
    other.checkInvariants();
    const found = other.retrieveFromText("say hi", { scope: "one" });
    same([[...found.tokenIds], other.versionLabel(found.generationVersions[1])], [[1, 2], "label"]);
    for (const at of [0, 8, 40, 70, 150, bytes.length >> 1, bytes.length - 1]) {
      const damaged = bytes.slice();
      damaged[at] ^= 1;
      const error = refused(() => other.load(damaged, "ids"), /^Cannot load snapshot: /);
      same(error instanceof slime.SnapshotError, true, "class of the error");
    }
    refused(() => other.load(bytes, "other ids"), /its tag is "ids"/);
    same(other.retrieveFromText("say hi").tokenIds.length, 2);
  },

  "WasmTrie agrees with ModelTrie on random operations": async ({ slime, create }) => {
    const options = { maxCacheSize: 60, gcThresholdK: 3 };
    const wasm = await create(options);
    const model = new slime.ModelTrie(options);
    const below = seeded(7);
    const text = () =>
      Array.from({ length: 1 + below(6) }, () => ["a", "b", "é", "世", "😀"][below(5)]).join("");
    const plain = ({ handle: _, ...match }) =>
      Object.entries(match).map(([name, value]) => [name, ArrayBuffer.isView(value) ? [...value] : value])
        .sort(([a], [b]) => a < b ? -1 : 1);
    for (let i = 0; i < 1_500; i++) {
      const [kind, query] = [below(10), text()];
      const ids = Array.from({ length: 1 + below(4) }, () => below(3));
      const mask = ids.map(() => below(2));
      const run = (trie) => {
        if (kind < 5) return trie.insert(query, ids, null, mask, kind);
        if (kind < 7) return plain(trie.findLongestPrefix(query));
        if (kind < 9) return plain(trie.findContinuation(query));
        return below(8) === 0 ? trie.remove(query) : null;
      };
      if (kind === 9 && i % 3 === 0) {
        same(wasm.gcByWeightVersion(8, i % 9), model.gcByWeightVersion(8, i % 9), `step ${i}`);
      } else if (kind < 9) same(run(wasm), run(model), `step ${i}`);
    }
    wasm.checkInvariants();
    same(wasm.stats().tokens, model.stats().tokens);
  },
};

/**
 * Runs all cases.
 *
 * @param slime the package
 * @param options options of every trie, e.g. `{ wasm }`
 * @returns names of those that passed, and why the others did not
 */
export async function runCases(slime, options = {}) {
  const passed = [];
  const failed = [];
  const create = (more = {}) => slime.createTokenTrie({ ...options, ...more });
  for (const [name, run] of Object.entries(CASES)) {
    try {
      await run({ slime, create });
      passed.push(name);
    } catch (error) {
      failed.push(`${name}: ${error?.message ?? error}`);
    }
  }
  return { passed, failed };
}
