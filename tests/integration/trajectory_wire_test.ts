/** What becomes of a chat when the world is unkind: asserted over the wire, on the export. */
import assert from "node:assert/strict";
import { importJsonLines, readSafetensors } from "../../src/trajectory/export/mod.ts";
import type { RouterConfig } from "../../src/config.ts";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { assertMatchesWire, type ChatHarness, createChatHarness } from "../support/chat_harness.ts";
import { joined, readOutput } from "../support/engine_ledger.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { loadTinyWithTemplate, TINY_CHAT_TEMPLATE } from "../support/tiny_tokenizer.ts";

const USER: JsonObject = { role: "user", content: "hello" };
const HELLO: JsonObject = { messages: [USER], max_tokens: 12, ignore_eos: true };

async function turnsOf(h: ChatHarness, session: string): Promise<JsonObject[]> {
  return (await (await h.request(`/sessions/${session}`)).json()).turns;
}

const DATED = `{{- '<|im_start|>system\\nIt is ' + strftime_now('%d %B %Y') + '<|im_end|>\\n' }}` +
  TINY_CHAT_TEMPLATE;

Deno.test("chat: midnight passes between turns, and the conversation keeps its day and its tokens", async () => {
  // Templates tell local time, as Python's do.
  const clock = new FakeClock(new Date(2026, 1, 28, 23, 59).getTime());
  const tokenizer = await loadTinyWithTemplate(DATED);
  for (const session of ["a", undefined]) {
    await using h = await createChatHarness({ deps: { clock, tokenizer } });
    const begin = clock.epochMs();
    const first = await h.chat(HELLO, session);
    await clock.advance(120_000);
    const second = await h.chat({ ...HELLO, messages: [USER, first.message, USER] }, session);
    assert.equal(second.sessionId, first.sessionId);
    assert.equal((second.body.slime as JsonObject).cause, null);
    const known = [...first.promptIds, ...first.tokenIds];
    assert.deepEqual(second.promptIds.slice(0, known.length), known);
    const native = await h.samples(first.sessionId);
    assert.deepEqual([native.rows.length, native.exported], [1, 24]);
    assertMatchesWire(h.wire, native);
    const day = (ids: readonly number[]) => /It is (\d+ \w+)/.exec(tokenizer.tokenizer.decode(ids))![1];
    assert.equal(day(second.promptIds), new Date(begin).getDate() === 28 ? "28 February" : "01 March");
    const next = await h.chat(HELLO, "tomorrow");
    assert.equal(day(next.promptIds), "01 March", "a new conversation has the new day");
  }
});

/** Changes what engines say. */
function saying(edit: (reply: JsonObject) => void): (fetch: Fetch) => Fetch {
  return (fetch) => async (input, init) => {
    const reply = await fetch(input, init);
    if (!/\/(generate|completions)$/.test(new URL(String(input)).pathname)) return reply;
    const text = await reply.text();
    const edited = (json: string) => {
      const value = JSON.parse(json);
      edit(value);
      return JSON.stringify(value);
    };
    const frame = (line: string) => line.startsWith("data: {") ? `data: ${edited(line.slice(6))}` : line;
    const body = text.startsWith("data:") ? text.split("\n").map(frame).join("\n") : edited(text);
    return new Response(body, {
      status: reply.status,
      headers: { "content-type": reply.headers.get("content-type")! },
    });
  };
}

type Logprobs = { content?: { logprob: unknown }[]; token_logprobs?: unknown[] } | null;
/** Log-probabilities of a reply in either protocol. */
const EDITS: readonly [name: string, edit: (reply: JsonObject) => void][] = [
  ["are not there", (reply) => {
    delete (reply.meta_info as JsonObject | undefined)?.output_token_logprobs;
    for (const choice of (reply.choices ?? []) as JsonObject[]) delete choice.logprobs;
  }],
  ["are null", (reply) => {
    const triples = (reply.meta_info as JsonObject | undefined)?.output_token_logprobs as
      | unknown[][]
      | undefined;
    for (const triple of triples ?? []) triple[0] = null;
    for (const { logprobs } of (reply.choices ?? []) as unknown as { logprobs: Logprobs }[]) {
      for (const entry of logprobs?.content ?? []) entry.logprob = null;
      if (logprobs?.token_logprobs) logprobs.token_logprobs = logprobs.token_logprobs.map(() => null);
    }
  }],
];

for (const engine of ["sglang", "vllm", "vllm-completions"] as const) {
  for (const [name, edit] of EDITS) {
    Deno.test(`chat: ${engine}'s log-probabilities ${name}: nothing is invented, and no token is trained`, async () => {
      for (const stream of [false, true]) {
        await using h = await createChatHarness({
          engine: { protocol: engine === "sglang" ? "sglang" : "vllm" },
          config: { engine },
          wrapFetch: saying(edit),
        });
        const reply = await (stream ? h.chatStream(HELLO, "a") : h.chat(HELLO, "a"));
        assert.equal(reply.tokenIds.length, 12);
        const { captured, exported, dropped, rows: [row] } = await h.samples("a");
        assert.deepEqual({ captured, exported, dropped }, {
          captured: 12,
          exported: 0,
          dropped: { "no logprob": 12 },
        });
        assert.deepEqual(row!.tokens, [...reply.promptIds, ...reply.tokenIds]);
        assert.equal(row!.complete, false);
        assert.ok(row!.loss_mask.every((bit) => bit === 0) && row!.logprobs.every((each) => each === null));
        assert.match(row!.provenance, /^p+$/);
      }
    });
  }
}

Deno.test("chat: a reply cut by max_tokens is truncated in the export; continued, it is closed for the model, untrained", async () => {
  for (const stream of [false, true]) {
    const script = () => "HAVING json hello world";
    await using h = await createChatHarness({ engine: { splitProbability: 0.5, script } });
    const cutShort = { messages: [USER], max_tokens: 2 };
    const first = await (stream ? h.chatStream(cutShort, "a") : h.chat(cutShort, "a"));
    assert.equal(first.finishReason, "length");
    assert.equal((await h.samples("a")).rows[0]!.status, "truncated");
    const body = { messages: [USER, first.message, USER], max_tokens: 200 };
    const second = await (stream ? h.chatStream(body, "a") : h.chat(body, "a"));
    assert.equal(second.finishReason, "stop");
    const native = await h.samples("a");
    const [row] = native.rows;
    assert.deepEqual([native.rows.length, row!.status], [1, "completed"]);
    const cut = first.promptIds.length + first.tokenIds.length;
    assert.match(row!.provenance, new RegExp(`^p{${first.promptIds.length}}s{2}c+p+s+$`));
    const closing = h.loaded.tokenizer.tokenToId("<|im_end|>");
    assert.deepEqual([row!.tokens[cut], row!.loss_mask[cut], row!.logprobs[cut], row!.turns[cut]], [
      closing,
      0,
      null,
      null,
    ]);
    assert.deepEqual((await turnsOf(h, "a")).map(({ status }) => status), ["truncated", "completed"]);
    assertMatchesWire(h.wire, native);
  }
});

const SLOW = { prefillTokensPerSecond: 1e9, decodeMsPerToken: 10, batchSlowdown: 0 };

/** What comes of work that takes the clock's time. */
async function passing<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  work.finally(() => isOver = true).catch(() => {});
  while (!isOver) await clock.advance(10);
  return await work;
}

for (const onAbort of ["resume", "retry", "return"] as const satisfies readonly RouterConfig["onAbort"][]) {
  Deno.test(`/abort_request ends a running chat under --on-abort ${onAbort}: what was sampled is recorded, and can be continued`, async () => {
    const clock = new FakeClock();
    await using h = await createChatHarness({
      engine: { clock, latency: SLOW, weightVersion: "7" },
      config: { onAbort, abortRetryWaitMs: 0 },
    });
    const body = { ...HELLO, max_tokens: 500, rid: "mine", stream: true, return_token_ids: true };
    const reply = await passing(clock, h.post("/sessions/a/v1/chat/completions", body));
    const reader = reply.body!.getReader();
    for (let chunk = 0; chunk < 5; chunk++) await passing(clock, reader.read());
    const abort = await h.post("/abort_request", { rid: "mine" });
    assert.equal((await abort.json()).status, "success");
    let text = "";
    for (let next = await reader.read(); next.value !== undefined; next = await reader.read()) {
      text += new TextDecoder().decode(next.value);
    }
    assert.match(text, /"finish_reason":"abort"/);
    assert.ok(text.endsWith("data: [DONE]\n\n"));
    const [turn] = await turnsOf(h, "a");
    assert.deepEqual([turn!.status, turn!.delivered], ["aborted", true]);
    const sampled = turn!.output_tokens as number;
    assert.ok(sampled >= 4 && sampled < 20, `${sampled} tokens`);
    const native = await h.samples("a");
    assert.deepEqual([native.exported, native.rows[0]!.status, native.rows[0]!.complete], [
      sampled,
      "aborted",
      true,
    ]);
    assert.deepEqual(native.rows[0]!.versions.slice(-sampled), new Array(sampled).fill(7));
    assert.equal(h.wire.length, 1, "what a client ends is not asked again");

    const goingOn = { messages: [USER, turn!.reply as JsonObject, USER], max_tokens: 1 };
    await passing(clock, h.chat(goingOn, "a"));
    const after = await h.samples("a");
    assert.deepEqual([after.rows.length, after.exported], [1, sampled + 1]);
    assertMatchesWire(h.wire, after);
  });
}

Deno.test("/abort_request after a pause that was gone over: both pieces are recorded, each under its version", async () => {
  const clock = new FakeClock();
  await using h = await createChatHarness({
    engine: {
      clock,
      latency: SLOW,
      weightVersion: "7",
      faults: { abortRunning: { next: 1, afterTokens: 5 } },
    },
    config: { onAbort: "resume", abortRetryWaitMs: 0 },
    wrapFetch: (fetch) => {
      let posts = 0;
      return async (input, init) => {
        if (new URL(String(input)).pathname === "/generate" && ++posts === 2) {
          h.engines[0]!.setWeightVersion("8");
        }
        return await fetch(input, init);
      };
    },
  });
  const body = { ...HELLO, max_tokens: 500, rid: "mine", stream: true };
  const reply = await passing(clock, h.post("/sessions/a/v1/chat/completions", body));
  const reader = reply.body!.getReader();
  const decoder = new TextDecoder();
  for (let chunk = 0; chunk < 9; chunk++) await passing(clock, reader.read());
  assert.equal(h.wire.length, 2, "it goes on");
  await (await h.post("/abort_request", { rid: "mine" })).text();
  let text = "";
  for (let next = await reader.read(); next.value !== undefined; next = await reader.read()) {
    text += decoder.decode(next.value);
  }
  assert.match(text, /"finish_reason":"abort"/);
  const { rows: [row], exported } = await h.samples("a");
  assert.ok(exported > 5, `${exported}`);
  assert.deepEqual(row!.versions.slice(-exported), [
    ...new Array(5).fill(7),
    ...new Array(exported - 5).fill(8),
  ]);
  assert.deepEqual([row!.status, row!.complete], ["aborted", true]);
  const [, second] = h.wire;
  assert.deepEqual(
    row!.tokens.slice(0, second!.promptIds.length),
    second!.promptIds,
    "the second piece was asked with the first",
  );
});

Deno.test("chat: weights change in mid-turn, and each token keeps the version that sampled it", async () => {
  for (const stream of [false, true]) {
    await using h = await createChatHarness({
      engine: { weightVersion: "4", faults: { versionBump: { next: 1, afterTokens: 5 } } },
    });
    const reply = await (stream ? h.chatStream(HELLO, "a") : h.chat(HELLO, "a"));
    await h.chat({ ...HELLO, messages: [USER, reply.message, USER] }, "a");
    const native = await h.samples("a");
    const [row] = native.rows;
    const versions = row!.versions.filter((_, at) => row!.loss_mask[at] === 1);
    assert.deepEqual(versions, [...new Array(5).fill(4), ...new Array(19).fill(5)]);
    assert.equal(row!.complete, true);
    assertMatchesWire(h.wire, native);
  }
});

const LOST: readonly [
  name: string,
  config: Partial<RouterConfig>,
  lose: (h: ChatHarness, clock: FakeClock) => Promise<unknown>,
][] = [
  ["idle for too long", { sessionIdleMs: 1_000 }, (_, clock) => clock.advance(1_001)],
  ["crowded out", { sessionsMax: 1 }, (h) => h.chat(HELLO, "other")],
  ["too large", { sessionBytesMax: 12_000 }, (h) => h.chat({ ...HELLO, max_tokens: 600 }, "other")],
];

for (const [name, config, lose] of LOST) {
  Deno.test(`chat: a session that was ${name} is gone; who comes back is served, and told`, async () => {
    const clock = new FakeClock();
    await using h = await createChatHarness({ config, deps: { clock } });
    const first = await h.chat(HELLO, "a");
    await lose(h, clock);
    for (
      const [path, init] of [["/sessions/a", {}], ["/sessions/a/samples", {
        method: "POST",
        body: "{}",
      }]] as const
    ) {
      const gone = await h.request(path, init);
      assert.equal(gone.status, 404, path);
      assert.match((await gone.json()).error, /Cannot find session "a": it was removed, .* \(--session/);
    }
    const wired = h.wire.length;
    const back = await h.chat({ ...HELLO, messages: [USER, first.message, USER] }, "a");
    assert.deepEqual([back.sessionId, (back.body.slime as JsonObject).cause], ["a", "evicted"]);
    const native = await h.samples("a");
    assert.deepEqual([native.captured, native.exported], [12, 12], "the earlier turn is not counted again");
    assert.match(native.rows[0]!.provenance, /^p+f+p+s{12}$/);
    assertMatchesWire(h.wire.slice(wired), native);
    const on = await h.chat({ ...HELLO, messages: [USER, first.message, USER, back.message, USER] }, "a");
    assert.equal((on.body.slime as JsonObject).cause, null);
  });
}

Deno.test("chat: 128 requests at once in one session, and in sessions of their own, are each what passed over the wire", async () => {
  const count = 128;
  await using h = await createChatHarness({ engines: 2, engine: { splitProbability: 0.5 } });
  const root = await h.chat(HELLO, "one");
  const messages = [USER, root.message, USER];
  const asks = Array.from({ length: count }, (_, i) => {
    const body = { ...HELLO, max_tokens: 3 + i % 9 };
    const own = i % 2 === 0 ? messages : [USER, root.message, { role: "user", content: `say json ${i}` }];
    const ask = i % 3 === 0 ? h.chatStream : h.chat;
    return [
      ask({ ...body, messages: own }, "one"),
      ask({ ...body, messages: [{ role: "user", content: `${i % 5}` }] }, `own-${i}`),
    ];
  });
  const replies = await Promise.all(asks.flat());
  assert.equal(new Set(replies.map(({ turnId }) => turnId)).size, 2 * count);
  const native = await h.samples("one");
  const turns = await turnsOf(h, "one");
  assert.equal(turns.length, count + 1);
  assert.ok(turns.slice(1).every(({ parent }) => parent === 0), "each continues the first turn");
  assert.deepEqual([native.rows.length, native.dropped], [count, {}]);
  const owns = await Promise.all(Array.from({ length: count }, (_, i) => h.samples(`own-${i}`)));
  for (const [i, own] of owns.entries()) {
    assert.deepEqual([own.rows.length, own.exported, own.dropped], [1, 3 + i % 9, {}]);
  }
  const rows = new Map(
    [native, ...owns].flatMap(({ rows }) => rows).map((row) => [row.chain.at(-1)!.id, row]),
  );
  const outputs = new Map(h.wire.map(({ chunks, promptIds }) => {
    const bytes = joined(chunks);
    const output = readOutput(bytes, new TextDecoder().decode(bytes.subarray(0, 5)) === "data:")!;
    return [output.id, { ...output, promptIds }];
  }));
  for (const { turnId, tokenIds, body } of replies) {
    // Equal ids of equal prompts are told apart by their log-probabilities.
    const row = rows.get(turnId)!;
    const output = outputs.get(body.id as string)!;
    assert.deepEqual(row.tokens, [...output.promptIds, ...output.ids]);
    assert.deepEqual(row.logprobs.slice(-output.ids.length), output.logprobs);
    assert.deepEqual(tokenIds, output.ids);
  }
});

Deno.test("/export: both formats of a whole conversation hold the same rows, of every shape", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "3", splitProbability: 0.5 } });
  const first = await h.chat(HELLO, "a");
  await h.chat({ ...HELLO, messages: [USER, first.message, USER] }, "a");
  await h.chat({ ...HELLO, n: 2, messages: [USER, first.message, { role: "user", content: "edit" }] }, "a");
  const get = (query: string) => h.request(`/export?${query}`);
  for (const shape of ["native", "slime", "verl", "trl"] as const) {
    const text = await (await get(`shape=${shape}`)).text();
    const file = readSafetensors(await (await get(`shape=${shape}&format=safetensors`)).bytes());
    assert.equal(file.shape, shape);
    assert.deepEqual(file.records, text.trimEnd().split("\n").map((line) => JSON.parse(line)));
    if (shape === "native") {
      assert.deepEqual(file.records, await Array.fromAsync(importJsonLines(text.trimEnd().split("\n"))));
    }
  }
});
