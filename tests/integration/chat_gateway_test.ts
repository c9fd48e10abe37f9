import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";
import { assertMatchesWire, type ChatHarness, createChatHarness } from "../support/chat_harness.ts";

const TOOLS = [{
  type: "function",
  function: { name: "look_up", parameters: { type: "object", properties: { word: { type: "string" } } } },
}];
const CALL = '<tool_call>{"name": "look_up", "arguments": {"word": "HAVING"}}</tool_call>';

/** Replies in turn; the last one again and again. */
const inTurn = (...replies: string[]) => ({ ordinal }: { ordinal: number }) =>
  replies[Math.min(ordinal, replies.length - 1)]!;

/** An agent that answers every call, up to `turns` turns. Returns its conversation. */
async function runAgent(
  h: ChatHarness,
  turns: number,
  session: string,
  stream: boolean,
): Promise<JsonObject[]> {
  const messages: JsonObject[] = [{ role: "user", content: "hello world" }];
  for (let turn = 0; turn < turns; turn++) {
    const body = { messages, tools: TOOLS, max_tokens: 200 };
    const { message } = stream ? await h.chatStream(body, session) : await h.chat(body, session);
    messages.push(message);
    const calls = (message.tool_calls ?? []) as JsonObject[];
    messages.push(
      ...calls.map(({ id }) => ({ role: "tool", tool_call_id: id!, content: `result ${turn}` })),
      ...(calls.length === 0 ? [{ role: "user", content: `and ${turn}?` }] : []),
    );
  }
  return messages;
}

for (const stream of [false, true]) {
  const kind = stream ? "streamed" : "plain";

  Deno.test(`chat: an agent with tools over non-canonical splits is one row, as it passed over the wire (${kind})`, async () => {
    const script = inTurn(CALL, `Let me look.\n${CALL}${CALL}`, "It is 你好 HAVING.", CALL, "json hello");
    await using h = await createChatHarness({
      engine: { script, splitProbability: 0.5, weightVersion: "3" },
    });
    await runAgent(h, 6, "a", stream);
    const native = await h.samples("a");
    assert.equal(native.rows.length, 1);
    assert.deepEqual(native.dropped, {});
    assert.ok(assertMatchesWire(h.wire, native) > 100);
    assert.ok(native.rows[0]!.complete);
    for (const [turn, link] of native.rows[0]!.chain.entries()) {
      assert.deepEqual(native.rows[0]!.tokens.slice(0, link.posted), h.wire[turn]!.promptIds);
    }
  });

  Deno.test(`chat: built-in replies of random splits match the wire (${kind})`, async () => {
    await using h = await createChatHarness({
      engines: 2,
      engine: {
        splitProbability: 0.7,
        incrementalStreaming: stream,
        faults: { recut: { probability: 0.5 } },
      },
    });
    for (const session of ["a", "b", "c"]) await runAgent(h, 4, session, stream);
    for (const session of ["a", "b", "c"]) {
      const native = await h.samples(session);
      assert.equal(native.rows.length, 1);
      assertMatchesWire(h.wire, native);
    }
  });
}

Deno.test("chat: streamed and plain give one message and one record", async () => {
  const script = inTurn(`Thinking.${CALL}`);
  await using h = await createChatHarness({ engine: { script, splitProbability: 0 } });
  const body = { messages: [{ role: "user", content: "hello" }], tools: TOOLS, seed: 7, temperature: 0 };
  const plain = await h.chat(body, "plain");
  const streamed = await h.chatStream(body, "streamed");
  const withoutIds = ({ tool_calls, ...rest }: JsonObject) => ({
    ...rest,
    calls: (tool_calls as JsonObject[]).map((call) => call.function),
  });
  assert.deepEqual(withoutIds(streamed.message), withoutIds(plain.message));
  assert.deepEqual([plain.finishReason, streamed.finishReason], ["tool_calls", "tool_calls"]);
  assert.deepEqual(streamed.tokenIds, plain.tokenIds);
  assert.deepEqual(streamed.promptIds, plain.promptIds);
  const rows = await Promise.all(["plain", "streamed"].map(async (id) => (await h.samples(id)).rows[0]!));
  const record = ({ chain: _chain, metadata: _metadata, ...row }: typeof rows[number]) => row;
  assert.deepEqual(record(rows[1]!), record(rows[0]!));
});

Deno.test("chat: without a session's name the messages find their place; equal first requests stay apart", async () => {
  await using h = await createChatHarness({ engine: { splitProbability: 0.5 } });
  const first = { messages: [{ role: "user", content: "hello" }], max_tokens: 30, ignore_eos: true };
  const [a, b] = [await h.chat(first), await h.chat(first)];
  assert.notEqual(a.sessionId, b.sessionId);
  const more = [...first.messages, a.message, { role: "user", content: "go on" }];
  const next = await h.chat({ messages: more, max_tokens: 8 });
  assert.equal(next.sessionId, a.sessionId);
  assert.deepEqual(next.promptIds.slice(0, a.promptIds.length), a.promptIds);
  assertMatchesWire(h.wire, await h.samples(a.sessionId));
});

Deno.test("chat: a session is named by path, header, metadata or key, in this order", async () => {
  await using h = await createChatHarness();
  const ask = async (path: string, headers: Record<string, string>, metadata: JsonObject = {}) => {
    const body = { messages: [{ role: "user", content: "hello" }], max_tokens: 2, metadata };
    const response = await h.post(path, body, { headers });
    const reply = await response.json();
    assert.equal(response.headers.get("x-session-id"), reply.slime.session_id);
    return reply.slime.session_id;
  };
  const key = { authorization: "Bearer session:key" };
  const both = { ...key, "x-session-id": "header" };
  const chat = "/v1/chat/completions";
  assert.equal(await ask(`/sessions/path${chat}`, both, { session_id: "metadata" }), "path");
  assert.equal(await ask(chat, both, { session_id: "metadata" }), "header");
  assert.equal(await ask(chat, { "x-smg-routing-key": "smg" }, { session_id: "metadata" }), "smg");
  assert.equal(await ask(chat, key, { session_id: "metadata" }), "metadata");
  assert.equal(await ask(chat, key), "key");
});

Deno.test("chat: a retry is a sibling and supersedes; an edit forks; both are counted by cause", async () => {
  await using h = await createChatHarness({ engine: { splitProbability: 0.5 } });
  const ask = (content: string, before: JsonObject[] = []) =>
    h.chat({ messages: [...before, { role: "user", content }], max_tokens: 12 }, "a");
  const first = await ask("hello");
  const before = [{ role: "user", content: "hello" }, first.message];
  await ask("one", before);
  await ask("one", before);
  await ask("two", before);
  const { turns } = await (await h.request("/sessions/a")).json();
  assert.deepEqual(turns.map(({ cause }: JsonObject) => cause), [null, null, "retry", "edit"]);
  assert.deepEqual(turns.map(({ parent }: JsonObject) => parent), [null, 0, 0, 0]);
  assert.deepEqual(turns.map(({ superseded }: JsonObject) => superseded), [false, true, false, false]);
  const native = await h.samples("a");
  assertMatchesWire(h.wire, native);
  assert.deepEqual(Object.keys(native.dropped), ["superseded"]);
  const metrics = await (await h.request("/metrics", { headers: { accept: "text/plain" } })).text();
  assert.match(metrics, /slime_router_tito_forks_total\{cause="retry"\} 1/);
  assert.match(metrics, /slime_router_tito_forks_total\{cause="edit"\} 1/);
  assert.match(metrics, /slime_router_session_turns 4/);
});

Deno.test("chat: n samples are n choices, siblings in the ledger, each with its own tokens", async () => {
  for (const stream of [false, true]) {
    await using h = await createChatHarness({ engine: { splitProbability: 0.5 } });
    const body = {
      messages: [{ role: "user", content: "hello" }],
      n: 3,
      max_tokens: 10,
      return_token_ids: true,
    };
    const response = await h.post("/sessions/a/v1/chat/completions", { ...body, stream });
    const text = await response.text();
    const { turns } = await (await h.request("/sessions/a")).json();
    assert.deepEqual(turns.map(({ cause }: JsonObject) => cause), [null, "best of n", "best of n"]);
    const native = await h.samples("a");
    assert.equal(native.rows.length, 3);
    assert.equal(native.exported, native.captured);
    if (stream) continue;
    const reply = JSON.parse(text);
    assert.deepEqual(reply.choices.map(({ index }: JsonObject) => index), [0, 1, 2]);
    assert.deepEqual(reply.slime.turn_ids, turns.map(({ turn_id }: JsonObject) => turn_id));
    reply.choices.forEach(({ token_ids }: { token_ids: number[] }, index: number) => {
      assert.deepEqual(native.rows[index]!.tokens.slice(reply.prompt_token_ids.length), token_ids);
    });
  }
});

Deno.test("chat: a stop string is not in the content, and is in the ledger", async () => {
  for (const stream of [false, true]) {
    await using h = await createChatHarness({
      engine: { script: () => "hello HAVING world", splitProbability: 0.9 },
    });
    const body = { messages: [{ role: "user", content: "hello" }], stop: ["VIN"] };
    const reply = await (stream ? h.chatStream(body, "a") : h.chat(body, "a"));
    assert.deepEqual([reply.message.content, reply.finishReason], ["hello HA", "stop"]);
    const native = await h.samples("a");
    assertMatchesWire(h.wire, native);
    assert.match(h.loaded.tokenizer.decode(native.rows[0]!.tokens), /VIN/);
  }
});

Deno.test("chat: usage and logprobs are told as the engine told them", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "1" } });
  const body = {
    messages: [{ role: "user", content: "hello" }],
    max_tokens: 9,
    logprobs: true,
    top_logprobs: 2,
  };
  const { body: reply, tokenIds, promptIds } = await h.chat(body, "a");
  const native = await h.samples("a");
  const sampled = native.rows[0]!.logprobs.filter((logprob) => logprob !== null);
  const [choice] = reply.choices as { logprobs: { content: JsonObject[] } }[];
  assert.deepEqual(choice!.logprobs.content.map(({ logprob }) => logprob), sampled);
  assert.equal(choice!.logprobs.content.length, tokenIds.length);
  assert.ok((choice!.logprobs.content[0]!.top_logprobs as unknown[]).length > 0);
  const usage = reply.usage as JsonObject;
  assert.deepEqual(
    [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens],
    [promptIds.length, tokenIds.length, promptIds.length + tokenIds.length],
  );
});

Deno.test("chat: one idempotency key is one turn, told again without sampling", async () => {
  await using h = await createChatHarness();
  const body = { messages: [{ role: "user", content: "hello" }], max_tokens: 9, return_token_ids: true };
  const ask = async (extra: JsonObject = {}) => {
    const init = { headers: { "idempotency-key": "k" } };
    return await h.post("/sessions/a/v1/chat/completions", { ...body, ...extra }, init);
  };
  const [first, again] = [await (await ask()).json(), await (await ask()).json()];
  assert.equal(h.wire.length, 1);
  assert.deepEqual(again.choices, first.choices);
  assert.equal(again.slime.turn_id, first.slime.turn_id);
  assert.match(await (await ask({ stream: true })).text(), /\[DONE\]\n\n$/);
  assert.equal(h.wire.length, 1);
  assert.equal((await ask({ messages: [{ role: "user", content: "other" }] })).status, 409);
});
