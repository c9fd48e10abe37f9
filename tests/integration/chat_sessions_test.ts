import assert from "node:assert/strict";
import { verifyExport, verifySafetensors } from "../../src/trajectory/export/mod.ts";
import type { JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";
import { createHarness } from "../support/router_harness.ts";
import { FakeClock } from "../support/fake_clock.ts";

const HELLO = { messages: [{ role: "user", content: "hello" }], max_tokens: 6, ignore_eos: true };

Deno.test("/sessions: opened, shown, finished, removed", async () => {
  await using h = await createChatHarness();
  const opened = await h.post("/sessions", { session_id: "a", metadata: { task: 7 } });
  assert.deepEqual([opened.status, (await opened.json()).metadata], [201, { task: 7 }]);
  assert.equal((await h.post("/sessions", { session_id: "a" })).status, 200);
  const { session_id: unnamed } = await (await h.post("/sessions", {})).json();
  assert.match(unnamed, /^[\w-]{8,}$/);
  await h.chat(HELLO, "a");
  const shown = await (await h.request("/sessions/a")).json();
  assert.deepEqual([shown.turn_count, shown.finished], [1, false]);
  const [turn] = shown.turns;
  assert.deepEqual([turn.status, turn.delivered, turn.output_tokens], ["truncated", true, 6]);
  assert.equal((await (await h.post("/sessions/a/finish", {})).json()).finished, true);
  const refused = await h.post("/sessions/a/v1/chat/completions", HELLO);
  assert.deepEqual([refused.status, (await refused.json()).error.code], [409, "session_finished"]);
  assert.equal((await h.samples("a")).rows[0]!.metadata.task, 7);
  assert.equal((await h.request("/sessions/a", { method: "DELETE" })).status, 200);
  for (const path of ["/sessions/a", "/sessions/a%2Fb"]) assert.equal((await h.request(path)).status, 404);
  assert.equal((await h.post("/sessions/a/samples", {})).status, 404);
});

Deno.test("/samples and /export: reward and metadata in every row; both formats verify; sessions by name", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "1" } });
  for (const session of ["a", "b"]) {
    const { message } = await h.chat(HELLO, session);
    await h.chat(
      { ...HELLO, messages: [...HELLO.messages, message, { role: "user", content: "on" }] },
      session,
    );
  }
  const native = await h.postOk("/sessions/a/samples", { reward: 0.5, metadata: { split: "train" } });
  const [row] = native.rows as JsonObject[];
  assert.deepEqual([row!.reward, row!.metadata], [0.5, { split: "train" }]);
  const get = async (query: string) => await h.request(`/export?${query}`);
  const lines = (await (await get("")).text()).trimEnd().split("\n");
  assert.deepEqual([lines.length, (await verifyExport(lines)).findings], [2, []]);
  assert.equal((await (await get("session=b")).text()).trimEnd().split("\n").length, 1);
  assert.ok(verifySafetensors(await (await get("format=safetensors")).bytes()).ok);
  for (const shape of ["slime", "verl", "trl"]) {
    assert.equal((await (await get(`shape=${shape}`)).text()).trimEnd().split("\n").length, 2);
  }
  assert.deepEqual([(await get("format=csv")).status, (await get("session=none")).status], [400, 404]);
});

Deno.test("sessions: bounds on number, turns and idle time", async () => {
  const clock = new FakeClock();
  await using h = await createHarness({
    config: { sessionsMax: 2, sessionTurnsMax: 1, sessionIdleMs: 1_000 },
    deps: { clock },
  });
  const ask = async (session: string) =>
    (await h.post(`/sessions/${session}/v1/chat/completions`, HELLO)).status;
  assert.deepEqual([await ask("a"), await ask("a"), await ask("b"), await ask("c")], [200, 429, 200, 200]);
  assert.equal((await h.request("/sessions/a")).status, 404);
  assert.equal((await h.request("/sessions/b")).status, 200);
  await clock.advance(1_001);
  assert.equal((await h.request("/sessions/b")).status, 404);
});

Deno.test("/sessions/{id}/v1/models is /v1/models", async () => {
  await using h = await createHarness();
  const models = await (await h.request("/v1/models")).json();
  assert.deepEqual(await (await h.request("/sessions/a/v1/models")).json(), models);
});

Deno.test("chat settings: proxy passes chat on; strict and gateway refuse to start without a template", async () => {
  await using h = await createHarness({ config: { chat: "proxy" } });
  await (await h.post("/v1/chat/completions", HELLO)).text();
  assert.deepEqual(h.engines[0]!.state.requests.map(({ path }) => path), ["/v1/chat/completions"]);
  await assert.rejects(createHarness({ withTokenizer: false, config: { chat: "gateway" } }), /no tokenizer/);
  await assert.rejects(createHarness({ withTokenizer: false, config: { tito: "strict" } }), /no tokenizer/);
  await using strict = await createHarness({ config: { tito: "strict" } });
  assert.equal((await strict.post("/v1/chat/completions", HELLO)).status, 200);
});

Deno.test("chat: a session may have any name, by path and by metadata; in the header it is percent-encoded", async (t) => {
  const names: readonly [name: string, header: string][] = [
    ["rollout 7", "rollout 7"],
    ["a/b%c", "a/b%c"],
    ["任务-7 é", "%E4%BB%BB%E5%8A%A1-7%20%C3%A9"],
    ["tab\tand\nline", "tab%09and%0Aline"],
    ["a\0b", "a%00b"],
    [" ", "%20"],
  ];
  await using h = await createChatHarness();
  for (const [name, header] of names) {
    await t.step(JSON.stringify(name), async () => {
      const messages = [{ role: "user", content: "hello" }];
      const paths: readonly [string, JsonObject][] = [
        [`/sessions/${encodeURIComponent(name)}/v1/chat/completions`, {}],
        ["/v1/chat/completions", { metadata: { session_id: name } }],
      ];
      for (const [path, more] of paths) {
        const reply = await h.post(path, { messages, max_tokens: 2, ...more });
        const { slime } = await reply.json();
        assert.deepEqual([reply.status, reply.headers.get("x-session-id")], [200, header]);
        assert.equal(slime.session_id, name);
      }
      const session = await h.request(`/sessions/${encodeURIComponent(name)}`);
      assert.equal((await session.json()).turn_count, 2);
    });
  }
});

Deno.test("chat: half of a character names no session, which no URL could find", async () => {
  await using h = await createChatHarness();
  const chat = await h.post("/v1/chat/completions", null, {
    body: '{"messages": [{"role": "user", "content": "x"}], "metadata": {"session_id": "\\ud800"}}',
  });
  const { error } = await chat.json();
  assert.deepEqual([chat.status, error.param], [400, "session_id"]);
  const opened = await h.post("/sessions", null, { body: '{"session_id": "\\ud800"}' });
  assert.equal(opened.status, 400);
  assert.match((await opened.json()).error, /Cannot open a session: the text holds an unpaired surrogate/);
  assert.equal((await (await h.request("/sessions")).json()).count, 0);
});
