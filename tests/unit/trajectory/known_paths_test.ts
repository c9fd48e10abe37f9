import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJson } from "../../../src/tokenizer/parse_json.ts";
import { replyHashOf } from "../../../src/trajectory/fork_cause.ts";
import { KnownPaths } from "../../../src/trajectory/known_paths.ts";
import { MessageChain } from "../../../src/trajectory/message_chain.ts";
import { isSameJson, sharing } from "../../../src/trajectory/shared_json.ts";
import type { JsonObject, JsonValue } from "../../../src/types.ts";
import { assistant, user } from "./support/bench.ts";

const parsed = (value: unknown) => parseJson(JSON.stringify(value)) as JsonObject;
const calling = (id: string, args: string): JsonObject => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id, type: "function", function: { name: "look", arguments: args } }],
});

function placesOf(chain: MessageChain, reply: JsonObject) {
  return { chainEnd: chain.with(reply), replyHash: replyHashOf(reply) };
}

/** What a client may add, and how it may send back what it was given. */
const message = fc.oneof(
  fc.constantFrom("a", "b", "a longer text that is sent again and again").map(user),
  fc.constantFrom("c1", "c2").map((id): JsonObject => ({ role: "tool", tool_call_id: id, content: "1.0" })),
  fc.constantFrom("x", "y").map((text) => assistant(text)),
);
const reply = fc.oneof(
  fc.constantFrom("x", "y").map((text) => assistant(text, { reasoning_content: "why" })),
  fc.tuple(fc.constantFrom("c1", "c2"), fc.constantFrom("{}", '{"a":1}')).map(([id, args]) =>
    calling(id, args)
  ),
);
const copied = fc.constantFrom<(own: JsonObject) => JsonObject>(
  (own) => own,
  ({ reasoning_content: _, ...copy }) => copy,
  (own) => ({ ...own, refusal: null }),
  (own) => Array.isArray(own.tool_calls) ? calling("c9", "{ }") : own,
  (own) => ({ ...own, content: "rewritten" }),
);
/** Each step continues one of the conversations before it, less some messages. */
const step = fc.record({
  from: fc.nat(),
  dropped: fc.constantFrom(0, 0, 0, 1, 2, 3),
  added: fc.array(message, { maxLength: 3 }),
  reply,
  copied,
  scope: fc.constantFrom("", "=s"),
});

Deno.test("KnownPaths.follow() gives the messages and the hashes that the request has without it", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const paths = new KnownPaths();
    const conversations: JsonObject[][] = [[]];
    for (const { from, dropped, added, reply, copied, scope } of steps) {
      const before = conversations[from % conversations.length]!;
      const sent = [...before.slice(0, Math.max(before.length - dropped, 0)), ...added];
      if (sent.length === 0) continue;
      const messages = sent.map(parsed);
      const chain = paths.follow(scope, messages);
      assert.deepEqual(chain.messages, messages);
      assert.deepEqual(chain.range(0), new MessageChain(messages).range(0));
      paths.add(paths, scope, chain, reply, placesOf(chain, reply));
      conversations.push([...sent, copied(reply)]);
    }
  }));
});

Deno.test("KnownPaths.follow() gives known messages in place of equal ones, and none of another scope or owner that left", () => {
  const paths = new KnownPaths();
  const owner = {};
  const said = assistant("a reply");
  const first = paths.follow("=s", [parsed(user("a question"))]);
  paths.add(owner, "=s", first, said, placesOf(first, said));
  const again = () => [user("a question"), { ...said, refusal: null }, user("more")].map(parsed);
  assert.equal(paths.follow("=s", again()).messages[0], first.messages[0]);
  const longer = paths.follow("=s", again());
  paths.add(owner, "=s", longer, said, placesOf(longer, said));
  const third = paths.follow("=s", [...again(), said, user("yet more")].map(parsed));
  longer.messages.forEach((message, index) => assert.equal(third.messages[index], message));
  const sent = again();
  assert.equal(paths.follow("=t", sent).messages[0], sent[0]);
  paths.remove(owner);
  assert.equal(paths.follow("=s", sent).messages[0], sent[0]);
});

Deno.test("isSameJson() tells literals, orders and absent fields apart", () => {
  const texts = ['{"a":1,"b":2}', '{"b":2,"a":1}', '{"a":1.0,"b":2}', '{"a":1}', "[1]", "[1,2]", "{}", "[]"];
  const more = [
    '{"2":0,"1":0}',
    '{"1":0,"2":0}',
    "null",
    '"a"',
    "12345678901234567890",
    "12345678901234567891",
  ];
  const values = [...texts, ...more];
  for (const left of values) {
    for (const right of values) {
      assert.equal(isSameJson(parseJson(left), parseJson(right)), left === right, `${left} ${right}`);
    }
  }
});

Deno.test("sharing() gives an equal value", () => {
  const json = fc.jsonValue().map((value) => JSON.stringify(value));
  fc.assert(fc.property(json, json, (copy, own) => {
    const [left, right] = [parseJson(copy), parseJson(own)] as [JsonValue, JsonValue];
    assert.ok(isSameJson(sharing(left, right), parseJson(copy)));
  }));
  const own = { role: "assistant", calls: [{ args: "long" }], content: ["long"] };
  const shared = sharing({ ...structuredClone(own), refusal: null } as JsonObject, own);
  assert.equal(shared.calls, own.calls);
  assert.deepEqual(Object.keys(shared), ["role", "calls", "content", "refusal"]);
});
