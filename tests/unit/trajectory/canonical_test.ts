import assert from "node:assert/strict";
import { branchKeyOf } from "../../../src/trajectory/branch_key.ts";
import { canonicalJson, canonicalMessage, reasoningAgrees } from "../../../src/trajectory/canonical.ts";
import { MessageChain } from "../../../src/trajectory/message_chain.ts";
import type { JsonObject } from "../../../src/types.ts";
import { assistant, calling, result, user } from "./support/bench.ts";

const call = (args: string, id = "c1") => calling(id, "look", args);

const SAME: [string, JsonObject, JsonObject][] = [
  ["null content", call("{}"), { ...call("{}"), content: "" }],
  ["absent content", call("{}"), { role: "assistant", tool_calls: call("{}").tool_calls! }],
  ["no arguments", call("{}"), call("")],
  ["white space in arguments", call('{"a": [1, 2]}'), call('{"a":[1,2]}')],
  ["key order in arguments", call('{"a":{"x":1,"y":2},"b":3}'), call('{"b":3,"a":{"y":2,"x":1}}')],
  ["escapes in arguments", call('{"a":"\\u4f60"}'), call('{"a":"你"}')],
  ["a number by another literal", call('{"a":1.0}'), call('{"a":1}')],
  ["ids of calls", call("{}", "c1"), call("{}", "c2")],
  ["reasoning left out", assistant("x", { reasoning_content: "y" }), assistant("x")],
  ["one text part", assistant("x"), { role: "assistant", content: [{ type: "text", text: "x" }] }],
  ["one text part of a user", user("x"), { role: "user", content: [{ type: "text", text: "x" }] }],
  [
    "fields of a library",
    assistant("x"),
    assistant("x", { refusal: null, audio: null, annotations: [], tool_calls: [] }),
  ],
  ["null fields of a user", user("x"), { ...user("x"), name: null }],
  ["key order of a message", user("x"), { content: "x", role: "user" }],
];

Deno.test("canonicalMessage() is the same for copies that mean the same", () => {
  for (const [what, left, right] of SAME) assert.equal(canonicalMessage(left), canonicalMessage(right), what);
});

const DIFFERENT: [string, JsonObject, JsonObject][] = [
  ["content", assistant("x"), assistant("y")],
  ["white space in content", assistant("x"), assistant("x\n")],
  ["role", user("x"), assistant("x")],
  ["a user's name", user("x"), { ...user("x"), name: "n" }],
  ["an argument", call('{"a":1}'), call('{"a":2}')],
  ["the type of an argument", call('{"a":1}'), call('{"a":"1"}')],
  ["false and a text", call('{"a":false}'), call('{"a":"False"}')],
  ["order in a list", call('{"a":[1,2]}'), call('{"a":[2,1]}')],
  ["an integer beyond 2^53", call('{"a":9007199254740993}'), call('{"a":9007199254740992}')],
  ["arguments that are no JSON", call('{"a":'), call('{"b":')],
  ["a function's name", call("{}"), calling("c1", "find", "{}")],
  ["a call more", call("{}"), {
    ...call("{}"),
    tool_calls: [...call("{}").tool_calls as [], ...call("{}").tool_calls as []],
  }],
  ["two text parts", user("xy"), {
    role: "user",
    content: [{ type: "text", text: "x" }, { type: "text", text: "y" }],
  }],
  ["a tool's result", result("c1", "x"), result("c1", "y")],
];

Deno.test("canonicalMessage() differs with what was said", () => {
  for (const [what, left, right] of DIFFERENT) {
    assert.notEqual(canonicalMessage(left), canonicalMessage(right), what);
  }
});

Deno.test("canonicalJson() keeps literals where a template prints them", () => {
  class Literal {
    constructor(readonly text: string) {}
    toString() {
      return this.text;
    }
  }
  const [one, same] = [new Literal("1.0"), 1];
  assert.equal(canonicalJson([one]), canonicalJson([same]));
  assert.notEqual(
    canonicalJson([one], { exactNumbers: true }),
    canonicalJson([same], { exactNumbers: true }),
  );
  assert.equal(canonicalJson({ b: undefined, a: null }), '{"a":null}');
});

Deno.test("reasoningAgrees() takes absent reasoning, and no other", () => {
  const own = assistant("x", { reasoning_content: "why\n" });
  const cases: [JsonObject, boolean][] = [
    [{}, true],
    [{ reasoning_content: null }, true],
    [{ reasoning_content: "why" }, true],
    [{ reasoning: "why" }, true],
    [{ reasoning_content: "else" }, false],
  ];
  for (const [more, agrees] of cases) assert.equal(reasoningAgrees(own, assistant("x", more)), agrees);
  assert.equal(reasoningAgrees(assistant("x"), own), false);
});

Deno.test("MessageChain follows ids of calls by their place", () => {
  const chain = (ids: [string, string], results: [string, string]) => {
    const calls = [call("{}", ids[0]), call("{}", ids[1])].flatMap((message) => message.tool_calls as []);
    const messages = [user("x"), { role: "assistant", content: null, tool_calls: calls }];
    return new MessageChain([...messages, result(results[0], "one"), result(results[1], "two")]).last;
  };
  assert.equal(chain(["a", "b"], ["a", "b"]), chain(["x", "y"], ["x", "y"]));
  assert.notEqual(chain(["a", "b"], ["a", "b"]), chain(["a", "b"], ["b", "a"]));
});

Deno.test("MessageChain gives one hash whichever way it is asked", () => {
  const messages = [user("1"), assistant("2"), user("3"), assistant("4"), user("5")];
  const all = new MessageChain(messages).range(0);
  messages.forEach((_, index) => assert.equal(new MessageChain(messages).at(index), all[index]));
  assert.equal(new MessageChain(messages.slice(0, 3)).with(messages[3]!), all[3]);
  const places = [...new MessageChain(messages).assistantPlaces()];
  assert.deepEqual(places, [{ index: 3, hash: all[3] }, { index: 1, hash: all[1] }]);
  assert.notEqual(
    new MessageChain([user("12"), user("3")]).last,
    new MessageChain([user("1"), user("23")]).last,
  );
});

Deno.test("branchKeyOf() tells tools, arguments, template and day apart, and nothing else", () => {
  const base = { templateId: "t", tools: [{ a: 1, b: 2 }], templateKwargs: { x: 1, y: 2 }, dateMs: 0 };
  const key = branchKeyOf(base);
  const same = [{ ...base, dateMs: 3_600_000 }, { ...base, templateKwargs: { y: 2, x: 1 } }];
  for (const parts of same) assert.equal(branchKeyOf(parts), key);
  const others = [
    { ...base, templateId: "u" },
    { ...base, tools: [{ b: 2, a: 1 }] },
    { ...base, tools: null },
    { ...base, templateKwargs: { x: 1 } },
    { ...base, dateMs: 86_400_000 },
  ];
  for (const parts of others) assert.notEqual(branchKeyOf(parts), key, JSON.stringify(parts));
  assert.equal(branchKeyOf({ ...base, tools: [] }), branchKeyOf({ ...base, tools: null }));
});
