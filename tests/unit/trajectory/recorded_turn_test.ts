import assert from "node:assert/strict";
import fc from "fast-check";
import { MultiMap } from "../../../src/trajectory/multi_map.ts";
import { exportSession } from "../../../src/trajectory/export/mod.ts";
import { RecordedTurn } from "../../../src/trajectory/recorded_turn.ts";
import type { Turn } from "../../../src/trajectory/turn.ts";
import { FOREST, TestForest } from "../../support/turn_forest.ts";

/** What the property library makes has no prototype. */
function plain<T extends object>(made: T): T {
  return { ...made };
}

/** Every field of the contract. */
function fieldsOf(turn: Turn): Turn {
  const { id, index, parent, droppedIds, promptIds, openingTokens, reopensParent, outputIds, logprobs } =
    turn;
  const [promptRuns, sampledRuns] = [turn.promptRuns.map(plain), turn.sampledRuns.map(plain)];
  const { cause, status, branchKey, messages, reply, postedHash, committedMs, isDelivered, isSuperseded } =
    turn;
  return {
    ...{ id, index, parent, droppedIds, promptIds, promptRuns, openingTokens, reopensParent },
    ...{ outputIds, logprobs, sampledRuns },
    ...{ cause, status, branchKey, messages, reply, postedHash, committedMs, isDelivered, isSuperseded },
  };
}

Deno.test("RecordedTurn says what it was made of, to the bit", () => {
  fc.assert(fc.property(FOREST, (forest) => {
    for (const turn of forest.turns) {
      assert.deepEqual(fieldsOf(new RecordedTurn(turn)), fieldsOf(turn));
      const twin = new RecordedTurn(new RecordedTurn(turn), new RecordedTurn(turn));
      assert.deepEqual(fieldsOf(twin), fieldsOf(turn));
    }
  }));
});

Deno.test("RecordedTurn exports as the turn that it was made of", () => {
  fc.assert(fc.property(FOREST, (forest) => {
    const turns: Turn[] = [];
    for (const turn of forest.turns) {
      const parent = turn.parent === null ? null : turns[turn.parent.index]!;
      turns.push(new RecordedTurn({ ...turn, parent }));
    }
    assert.deepEqual(exportSession({ ...forest, turns }), exportSession(forest));
  }));
});

Deno.test("RecordedTurn keeps a prompt once for all that share it, and log-probabilities as narrow as they are", () => {
  const forest = new TestForest();
  const singles = [-0.5, NaN, -Infinity, -0, Math.fround(-0.1)];
  const spec = { prompt: Array.from({ length: 100 }, (_, id) => id), output: [1, 2, 3, 4, 5] };
  const first = new RecordedTurn(forest.add({ ...spec, logprobs: singles }));
  assert.equal(first.bufferBytes, 5 * 4 + 5 * 4 + 32 + 100 * 4 + 8);
  const wide = new RecordedTurn(forest.add({ ...spec, logprobs: [...singles.slice(1), -0.1] }));
  assert.equal(wide.bufferBytes, first.bufferBytes + 5 * 4);
  const sample = new RecordedTurn(forest.add({ ...spec, logprobs: singles }), first);
  const again = new RecordedTurn(forest.add({ ...spec, logprobs: singles }), sample);
  assert.deepEqual([sample.bufferBytes, again.bufferBytes], [40, 40]);
  assert.equal(again.promptIds.buffer, first.promptIds.buffer);
});

Deno.test("MultiMap is a map of lists", () => {
  const key = fc.nat(3);
  const call = fc.oneof(
    fc.record({ call: fc.constantFrom("add", "delete"), key, value: fc.nat(4) }),
    fc.record({ call: fc.constantFrom("touch", "deleteKey"), key, value: fc.constant(0) }),
  );
  const values = Array.from({ length: 5 }, (_, id) => ({ id }));
  fc.assert(fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
    const map = new MultiMap<number, { id: number }>();
    const model = new Map<number, { id: number }[]>();
    for (const { call, key, value } of calls) {
      const list = model.get(key) ?? [];
      if (call === "deleteKey") {
        map.deleteKey(key);
        model.delete(key);
      } else if (call === "delete") {
        map.delete(key, values[value]!);
        const left = list.filter((each) => each !== values[value]);
        if (left.length === 0) model.delete(key);
        else model.set(key, left);
      } else {
        if (call === "touch") map.touch(key);
        else map.add(key, values[value]!);
        model.set(key, call === "touch" ? list : [...list, values[value]!]);
      }
      for (let each = 0; each < 4; each++) {
        assert.deepEqual([map.has(each), map.get(each)], [model.has(each), model.get(each) ?? []]);
      }
    }
  }));
});
