/**
 * The WebAssembly trie against the model trie on generated operations, with shrinking: what fails is brought down to the
 * few operations that it takes. `TRIE_MODEL_OPERATIONS` sets their number.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ModelTrie, type PathHandle, type TokenTrie, WasmTrie } from "../../../src/trie/mod.ts";
import type { SegmentInput } from "../../../src/trie/token_trie.ts";
import { compileOwnCore } from "../../../src/trie/wasm_core.ts";

const OPERATIONS = Number(Deno.env.get("TRIE_MODEL_OPERATIONS") ?? 50_000);
const OPERATIONS_PER_RUN = 100;
/** Handles that operations may refer to; a later one takes the place of an earlier. */
const HANDLES = 6;
const module = await compileOwnCore();

/** One of the two tries, with the handles that it gave for the same operations as the other. */
interface Side {
  readonly trie: TokenTrie;
  readonly handles: (PathHandle | null)[];
  /** A worker was marked: the core then keeps nodes that the model does without. */
  isMarked: boolean;
}

/** Does one operation; what it returns must be the same on both sides. */
type Operation = (side: Side) => unknown;

/** Few letters, so that texts meet: of one to four bytes, with the same first bytes; NUL; halves of pairs. */
const text = fc.array(
  fc.constantFrom("a", "b", "ab", "\0", "é", "è", "世", "丗", "😀", "😃", "\ud83d", "\ude00"),
  { maxLength: 6 },
).map((letters) => letters.join(""));
const ids = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 });
const logprob = fc.constantFrom(null, -0.5, -0.1, 0, -0, NaN, -1e300, -Infinity);
const version = fc.constantFrom(null, "default", "v2", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
const scope = fc.constantFrom(undefined, "one", "two");
const place = fc.nat(HANDLES - 1);
const worker = fc.nat(5);

const segment: fc.Arbitrary<SegmentInput> = fc.record({
  first: text,
  aliases: fc.array(fc.record({ text, retrieveOnly: fc.boolean(), cut: fc.boolean() }), { maxLength: 2 }),
  tokenIds: ids,
  sampled: fc.boolean(),
  logprobs: fc.option(fc.array(logprob, { minLength: 5, maxLength: 5 })),
  version,
  scope,
  spliceAt: fc.option(fc.nat(3)),
}).map((s) => ({
  keys: [
    { text: s.first },
    ...s.aliases.map((alias) => ({
      text: alias.text,
      retrieveOnly: alias.retrieveOnly,
      ...(alias.cut && s.tokenIds.length > 1 ? { tokens: s.tokenIds.length - 1 } : {}),
    })),
  ],
  tokenIds: s.tokenIds,
  sampled: s.sampled,
  ...(s.logprobs === null ? {} : { logprobs: s.logprobs.slice(0, s.tokenIds.length) }),
  ...(s.sampled ? { versions: s.version } : {}),
  ...(s.scope === undefined ? {} : { scope: s.scope }),
  ...(s.sampled || s.spliceAt === null
    ? {}
    : { splicePoints: [{ byteOffset: s.spliceAt + 1, tokenIndex: 1 }] }),
}));

/** Takes the handle out of an answer and keeps it. */
function kept(side: Side, at: number, answer: { handle: PathHandle | null }): unknown {
  side.handles[at] = answer.handle;
  return { ...answer, handle: answer.handle !== null };
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      text,
      ids,
      logprobs: fc.option(fc.array(logprob)),
      mask: fc.option(fc.array(fc.nat(1))),
      version,
    })
      .map((o): Operation => ({ trie }) => [
        trie.insert(
          o.text,
          o.ids,
          fill(o.logprobs, o.ids.length, null),
          fill(o.mask, o.ids.length, 0),
          o.version,
        ),
        trie.lastRefusal,
      ]),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      from: fc.option(place),
      segments: fc.array(segment, { minLength: 1, maxLength: 3 }),
      to: place,
    })
      .map(({ from, segments, to }): Operation => (side) => {
        const parent = from === null ? null : side.handles[from] ?? null;
        const result = side.trie.append(parent, segments);
        return result.ok ? kept(side, to, result) : result;
      }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      method: fc.constantFrom(
        "findLongestPrefix" as const,
        "retrieveFromText" as const,
        "findContinuation" as const,
      ),
      text,
      scope,
      pin: fc.boolean(),
      to: place,
    }).map(({ method, text, scope, pin, to }): Operation => (side) => {
      const options = { ...(scope === undefined ? {} : { scope }), pin: pin && to === 0 };
      return kept(side, to, side.trie[method](text, options));
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ text, ids, to: place }).map(({ text, ids, to }): Operation => (side) =>
      kept(side, to, side.trie.findContinuationOfIds(new TextEncoder().encode(text), Uint32Array.from(ids)))
    ),
  },
  {
    weight: 2,
    arbitrary: place.map((from): Operation => ({ trie, handles }) => {
      const handle = handles[from] ?? null;
      if (handle === null) return null;
      trie.release(handle);
      return trie.read(handle);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ from: place, worker, text, ids: fc.option(ids) }).map(
      (o): Operation => (side) => {
        const { trie } = side;
        const handle = side.handles[o.from] ?? null;
        const marked = handle !== null && trie.markHolder(handle, o.worker);
        side.isMarked ||= marked;
        const held = trie.holders(o.text, o.ids === null ? undefined : Uint32Array.from(o.ids));
        return [marked, Object.values(held).map((array: Uint32Array) => array.slice())];
      },
    ),
  },
  { weight: 1, arbitrary: worker.map((worker): Operation => ({ trie }) => trie.removeHolder(worker)) },
  { weight: 1, arbitrary: text.map((text): Operation => ({ trie }) => trie.remove(text)) },
  {
    weight: 1,
    arbitrary: fc.record({
      current: fc.nat(12),
      k: fc.nat(6),
      most: fc.option(fc.integer({ min: 1, max: 6 })),
    })
      .map(({ current, k, most }): Operation => ({ trie }) =>
        most === null ? trie.gcByWeightVersion(current, k) : trie.gcSlice(current, k, most)
      ),
  },
);

/** `values`, brought to `length`. */
function fill<T>(values: T[] | null, length: number, value: T): T[] | null {
  return values === null ? null : Array.from({ length }, (_, i) => values[i] ?? value);
}

/** Sizes and counters, less what the model has no like of. */
function sizes({ trie, isMarked }: Side) {
  trie.checkInvariants();
  const { nodes, ...stats } = trie.stats();
  return { ...stats, nodes: isMarked ? 0 : nodes, usedBytes: 0, memoryBytes: 0 };
}

Deno.test(`WasmTrie answers as ModelTrie on ${OPERATIONS} generated operations`, () => {
  const limits = fc.constantFrom(12, 40, 200);
  const operations = fc.array(operation, {
    minLength: OPERATIONS_PER_RUN,
    maxLength: OPERATIONS_PER_RUN,
    size: "max",
  });
  fc.assert(
    fc.property(limits, operations, (maxCacheSize, operations) => {
      const options = { maxCacheSize, gcThresholdK: 3 };
      const sides: Side[] = [new WasmTrie(module, options), new ModelTrie(options)]
        .map((trie) => ({ trie, handles: [], isMarked: false }));
      for (const [i, operate] of operations.entries()) {
        const [wasm, model] = sides.map(operate);
        assert.deepEqual(wasm, model);
        if (i % 20 === 0) assert.deepEqual(sizes(sides[0]!), sizes(sides[1]!));
      }
      assert.deepEqual(sizes(sides[0]!), sizes(sides[1]!));
    }),
    { numRuns: Math.ceil(OPERATIONS / OPERATIONS_PER_RUN), endOnFailure: false },
  );
});

Deno.test("a text of 1 MB with every kind of character gives the model's answers", () => {
  const tries = [new WasmTrie(module), new ModelTrie()];
  const long = "a\0é世😀\ud83d ".repeat(2 ** 16);
  const answers = tries.map((trie) => {
    assert.ok(trie.insert(long, [1, 2, 3], null, [0, 1, 1], 7));
    return [long, long + "\ude00", long.slice(0, -1), "a\0é"].map((asked) => {
      const { matchedPrefix, remaining, handle: _, ...match } = trie.retrieveFromText(asked);
      assert.ok(matchedPrefix + remaining === asked);
      return { ...match, remaining: remaining.length };
    });
  });
  assert.deepEqual(answers[0], answers[1]);
});
