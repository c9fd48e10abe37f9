/** Which ids stand of a message before a reply goes on with it. */
import assert from "node:assert/strict";
import { openingIdsOf } from "../../../src/trajectory/opening.ts";
import type { Turn } from "../../../src/trajectory/turn.ts";
import { TestForest } from "../../support/turn_forest.ts";

const STOP = 9;

/** A turn that goes on with what `parent` sampled, less `dropped` ids. */
function reopening(parent: Turn, output: readonly number[], dropped: number): Turn {
  return { ...new TestForest().add({ parent, prompt: [], output, dropped }), reopensParent: true };
}

Deno.test("openingIdsOf() is empty for a turn that begins its message", () => {
  const turn = new TestForest().add({ prompt: [1, 2], output: [3, STOP] });
  assert.deepEqual([...openingIdsOf(turn)], []);
});

Deno.test("openingIdsOf() gives the client's words, which end the prompt", () => {
  const turn = { ...new TestForest().add({ prompt: [1, 2, 3], output: [4] }), openingTokens: 2 };
  assert.deepEqual([...openingIdsOf(turn)], [2, 3]);
});

Deno.test("openingIdsOf() gives the words of every turn that the message has had, without their stop tokens", () => {
  const client: Turn = { ...new TestForest().add({ prompt: [1, 2], output: [3, STOP] }), openingTokens: 1 };
  const ended = reopening(client, [4, 5, STOP], 1);
  const cut = reopening(ended, [6], 1);
  const last = reopening(cut, [7, STOP], 0);
  assert.deepEqual([...openingIdsOf(ended)], [2, 3]);
  assert.deepEqual([...openingIdsOf(cut)], [2, 3, 4, 5]);
  assert.deepEqual([...openingIdsOf(last)], [2, 3, 4, 5, 6]);
});
