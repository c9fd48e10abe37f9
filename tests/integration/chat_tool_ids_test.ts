/** Clients that give tool calls ids of their own, and a template that prints ids. */
import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";
import { assertMatchesWire, createChatHarness } from "../support/chat_harness.ts";
import { IDS_CHAT_TEMPLATE, loadTinyWithTemplate } from "../support/tiny_tokenizer.ts";

const TWO_CALLS = '<tool_call>{"name": "look", "arguments": {"word": "json"}}</tool_call>'.repeat(2);
const TOOLS = [{ type: "function", function: { name: "look", parameters: { type: "object" } } }];

/** A copy of a reply with other ids, one for each call. */
function renamed(reply: JsonObject, ids: readonly string[]): JsonObject {
  const calls = reply.tool_calls as JsonObject[];
  return { ...reply, tool_calls: calls.map((call, i) => ({ ...call, id: ids[i]! })) };
}

const CASES: [name: string, ids: readonly (readonly [string, string])[]][] = [
  ["new ids in each turn", [["a0", "a1"], ["b0", "b1"]]],
  ["ids counted anew in each turn", [["0", "1"], ["0", "1"]]],
  ["ids counted anew, the other way round", [["0", "1"], ["1", "0"]]],
];

for (const [name, ids] of CASES) {
  Deno.test(`chat: results name the calls as the model saw them, whatever the client calls them: ${name}`, async () => {
    const tokenizer = await loadTinyWithTemplate(IDS_CHAT_TEMPLATE);
    let turn = 0;
    await using h = await createChatHarness({
      engine: { script: () => turn++ < 2 ? TWO_CALLS : "hello", splitProbability: 0.5 },
      deps: { tokenizer },
    });
    const messages: JsonObject[] = [{ role: "user", content: "hello" }];
    const own: string[][] = [];
    let before: readonly number[] = [];
    for (const names of [...ids, []]) {
      const { message, tokenIds, promptIds } = await h.chat({ messages, tools: TOOLS }, "s");
      assert.deepEqual(promptIds.slice(0, before.length), before, "the parent's ids stay");
      before = [...promptIds, ...tokenIds];
      own.push(((message.tool_calls ?? []) as JsonObject[]).map(({ id }) => id as string));
      messages.push(names.length === 0 ? message : renamed(message, names));
      // Results may come in any order.
      for (const id of [...names].reverse()) {
        messages.push({ role: "tool", tool_call_id: id, content: `of ${id}` });
      }
    }
    const text = tokenizer.tokenizer.decode(before);
    for (const [step, names] of ids.entries()) {
      for (const [call, id] of names.entries()) {
        assert.ok(
          text.includes(`tool\n${own[step]![call]}:of ${id}<|im_end|>`),
          `${own[step]![call]} in ${text}`,
        );
      }
    }
    assertMatchesWire(h.wire, await h.samples("s"));
  });
}
