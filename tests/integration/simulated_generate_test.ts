import assert from "node:assert/strict";
import {
  ask,
  askStream,
  engineWith,
  framesOf,
  idOf,
  post,
  timeless,
  tokenizer,
} from "../unit/engine/simulated_support.ts";

const stopId = idOf("<|im_end|>");
const hello = { text: "Hello", sampling_params: { max_new_tokens: 24, temperature: 0 } };

Deno.test("/generate answers in SGLang's form", async () => {
  const engine = engineWith({ script: () => "hello world" });
  const reply = await ask(engine, {
    ...hello,
    return_logprob: true,
    rid: "r1",
    return_prompt_token_ids: true,
  });
  const ids = [...tokenizer.encode("hello world"), stopId];
  assert.equal(reply.text, "hello world");
  assert.deepEqual(reply.output_ids, ids);
  assert.deepEqual(reply.prompt_token_ids, [...tokenizer.encode("Hello")]);
  const { output_token_logprobs: triples, e2e_latency: latency, ...meta } = reply.meta_info;
  assert.deepEqual(meta, {
    id: "r1",
    finish_reason: { type: "stop", matched: stopId },
    prompt_tokens: tokenizer.encode("Hello").length,
    weight_version: "default",
    num_retractions: 0,
    input_token_logprobs: [],
    completion_tokens: ids.length,
    cached_tokens: 0,
    weight_versions: [{ version: "default", start: 0, end: ids.length }],
  });
  assert.deepEqual(triples?.map(([, id]) => id), ids);
  assert.ok(
    triples?.every(([logprob, , text]) => Math.fround(logprob!) === logprob && logprob < 0 && text === null),
  );
  assert.equal(typeof latency, "number");
});

Deno.test("/generate takes text and input_ids, by POST and by PUT, to the same reply", async () => {
  const engine = engineWith({ seed: 3 });
  const byText = await ask(engine, hello);
  const byIds = await ask(engine, { ...hello, text: null, input_ids: [...tokenizer.encode("Hello")] });
  const put = await engine.fetch(
    new Request("http://e/generate", { method: "PUT", body: JSON.stringify(hello) }),
  );
  assert.deepEqual(timeless(byIds), timeless(byText));
  assert.deepEqual(timeless(await put.json()), timeless(byText));
});

Deno.test("/generate: the seed decides, and each request samples anew unless greedy or seeded", async () => {
  const run = async (seed: number, params: object) => {
    const engine = engineWith({ seed, splitProbability: 0.2 });
    const body = { text: "Hello", sampling_params: { max_new_tokens: 24, ...params } };
    return [(await ask(engine, body)).output_ids, (await ask(engine, body)).output_ids];
  };
  assert.deepEqual(await run(1, {}), await run(1, {}));
  assert.notDeepEqual(await run(1, {}), await run(2, {}));
  const [first, second] = await run(1, {});
  assert.notDeepEqual(first, second);
  for (const params of [{ temperature: 0 }, { seed: 5 }, { sampling_seed: 5 }]) {
    const [once, again] = await run(1, params);
    assert.deepEqual(once, again, JSON.stringify(params));
  }
});

Deno.test("/generate: ids, triples, counts and text agree over many replies with splits", async () => {
  const engine = engineWith({ splitProbability: 0.5 });
  for (let turn = 0; turn < 60; turn++) {
    const max_new_tokens = 1 + (turn * 7) % 90;
    const reply = await ask(engine, {
      text: `turn ${turn}`,
      sampling_params: { max_new_tokens },
      return_logprob: true,
    });
    const { completion_tokens, output_token_logprobs, finish_reason } = reply.meta_info;
    assert.equal(completion_tokens, reply.output_ids.length);
    assert.deepEqual(output_token_logprobs?.map(([, id]) => id), reply.output_ids);
    const shown = finish_reason?.type === "stop" ? reply.output_ids.slice(0, -1) : reply.output_ids;
    assert.equal(reply.text, tokenizer.decode(shown));
  }
});

Deno.test("/generate shows in text what the request asks for", async (t) => {
  const script = () => ({ ids: [...tokenizer.encode("hello<|im_start|> world"), stopId] });
  const cases: [string, object, string][] = [
    ["default", {}, "hello world"],
    ["skip_special_tokens false", { skip_special_tokens: false }, "hello<|im_start|> world"],
    ["no_stop_trim", { no_stop_trim: true }, "hello world"],
    ["both", { skip_special_tokens: false, no_stop_trim: true }, "hello<|im_start|> world<|im_end|>"],
    ["stop string", { stop: " wor" }, "hello"],
    ["stop strings", { stop: ["zzz", "lo"] }, "hel"],
    ["stop string kept", { stop: ["lo"], no_stop_trim: true }, "hello"],
    ["stop token", { stop_token_ids: [idOf("<|im_start|>")] }, "hello"],
  ];
  for (const [name, params, text] of cases) {
    await t.step(name, async () => {
      const body = { text: "Hi", sampling_params: { max_new_tokens: 50, ...params } };
      const reply = await ask(engineWith({ script }), body);
      assert.equal(reply.text, text);
      const frames = await askStream(engineWith({ script }), body);
      assert.equal(frames.at(-1)?.text, text);
    });
  }
});

Deno.test("/generate keeps the ids of a matched stop string", async () => {
  const engine = engineWith({ script: () => "HAVING hello" });
  const reply = await ask(engine, { text: "Hi", sampling_params: { stop: ["VIN"] } });
  assert.equal(reply.text, "HA");
  assert.deepEqual(reply.output_ids, [idOf("HAV"), idOf("ING")]);
  assert.deepEqual(reply.meta_info.finish_reason, { type: "stop", matched: "VIN" });
});

Deno.test("/generate ends an incomplete character with U+FFFD, and withholds it while streaming", async () => {
  const [first, second] = tokenizer.encode("é");
  const engine = engineWith({ script: () => ({ ids: [idOf("H"), first!, second!, first!] }) });
  const frames = await askStream(engine, { text: "Hi" });
  assert.deepEqual(frames.map(({ text }) => text), ["H", "H", "Hé", "Hé\uFFFD"]);
});

Deno.test("/generate streams frames that add up to the plain reply", async (t) => {
  const bodies = {
    plain: { text: "Hello", sampling_params: { max_new_tokens: 40, temperature: 0 } },
    logprobs: {
      text: "Hello",
      sampling_params: { max_new_tokens: 40, temperature: 0 },
      return_logprob: true,
    },
    "stop string": {
      text: "Hello",
      sampling_params: { max_new_tokens: 90, temperature: 0, stop: ["e", "。", "\n"] },
    },
    "prompt ids": {
      text: "Hello",
      sampling_params: { max_new_tokens: 2, seed: 4 },
      return_prompt_token_ids: true,
    },
    "no token": { text: "Hello", sampling_params: { max_new_tokens: 0 } },
  };
  for (const [name, body] of Object.entries(bodies)) {
    for (const streamIntervalTokens of [1, 5]) {
      await t.step(`${name}, every ${streamIntervalTokens}`, async () => {
        const options = { seed: 9, splitProbability: 0.5, streamIntervalTokens };
        const whole = await ask(engineWith(options), body);
        const cumulative = await askStream(engineWith(options), body);
        assert.deepEqual(timeless(cumulative.at(-1)!), timeless(whole));
        const deltas = await askStream(engineWith({ ...options, incrementalStreaming: true }), body);
        assert.equal(deltas.map(({ text }) => text).join(""), whole.text);
        assert.deepEqual(deltas.flatMap(({ output_ids }) => output_ids), whole.output_ids);
        const triples = deltas.flatMap(({ meta_info }) => meta_info.output_token_logprobs ?? []);
        assert.deepEqual(triples, whole.meta_info.output_token_logprobs ?? []);
        assert.ok(deltas.slice(0, -1).every(({ meta_info }) => meta_info.finish_reason === null));
        const expected = 1 + Math.ceil(Math.max(0, whole.output_ids.length - 1) / streamIntervalTokens);
        assert.ok(Math.abs(cumulative.length - expected) <= 1, `${cumulative.length} frames`);
        cumulative.slice(1).forEach(({ text }, at) => assert.ok(text.startsWith(cumulative[at]!.text)));
      });
    }
  }
});

Deno.test("/generate answers a batch in order, plain and streamed", async () => {
  const script = ({ text }: { text: string | null }) => `hello ${text}`;
  const body = { text: ["one", "two", "three"], sampling_params: { max_new_tokens: 30 }, rid: "b" };
  const replies = await (await post(engineWith({ script }), "/generate", body)).json();
  assert.deepEqual(replies.map(({ text }: { text: string }) => text), [
    "hello one",
    "hello two",
    "hello three",
  ]);
  assert.deepEqual(replies.map((reply: { meta_info: { id: string } }) => reply.meta_info.id), [
    "b_0",
    "b_1",
    "b_2",
  ]);
  const frames = await askStream(engineWith({ script }), body);
  for (const index of [0, 1, 2]) {
    assert.equal(frames.findLast((frame) => frame.index === index)?.text, replies[index].text);
  }
});

Deno.test("/generate takes lists of ids, sampling_params and rids, one a prompt", async () => {
  const body = {
    input_ids: [[1, 2], [3]],
    sampling_params: [{ max_new_tokens: 1 }, { max_new_tokens: 2 }],
    rid: ["x", "y"],
    return_logprob: [true, false],
  };
  const replies = await (await post(engineWith(), "/generate", body)).json();
  assert.deepEqual(replies.map((reply: { output_ids: number[] }) => reply.output_ids.length), [1, 2]);
  assert.deepEqual(replies.map((reply: { meta_info: { id: string } }) => reply.meta_info.id), ["x", "y"]);
  const [first, second] = replies;
  assert.deepEqual(
    ["output_token_logprobs" in first.meta_info, "output_token_logprobs" in second.meta_info],
    [true, false],
  );
});

Deno.test("/generate with n gives n different samples in a list", async () => {
  for (const params of [{}, { seed: 1 }]) {
    const body = { text: "Hello", rid: "r", sampling_params: { n: 4, max_new_tokens: 200, ...params } };
    const replies = await (await post(engineWith(), "/generate", body)).json();
    assert.equal(replies.length, 4);
    assert.equal(new Set(replies.map((reply: { text: string }) => reply.text)).size, 4);
    assert.equal(new Set(replies.map((reply: { meta_info: { id: string } }) => reply.meta_info.id)).size, 4);
  }
});

Deno.test("/generate scores the prompt from logprob_start_len on", async () => {
  const reply = await ask(engineWith(), {
    ...hello,
    text: "Hello world",
    return_logprob: true,
    logprob_start_len: 0,
    top_logprobs_num: 3,
    return_text_in_logprobs: true,
  });
  const { input_token_logprobs: inputs, output_top_logprobs: top } = reply.meta_info;
  assert.deepEqual(inputs?.map(([, id]) => id), [...tokenizer.encode("Hello world")]);
  assert.deepEqual(inputs?.map(([logprob]) => logprob === null), inputs?.map((_, at) => at === 0));
  assert.equal(inputs?.map(([, , text]) => text).join(""), "Hello world");
  assert.ok(top?.every((each) => each.length === 3 && new Set(each.map(([, id]) => id)).size === 3));
  assert.ok(top?.every(([best, next]) => best![0]! > next![0]!));
});

Deno.test("/generate counts cached tokens", async () => {
  const engine = engineWith({ script: () => ({ ids: [9, 9, stopId] }) });
  const cached = async (body: object) => (await ask(engine, body)).meta_info.cached_tokens;
  assert.equal(await cached({ input_ids: [1, 2, 3, 4] }), 0);
  assert.equal(await cached({ input_ids: [1, 2, 3, 4] }), 3, "the last prompt token is always computed");
  assert.equal(
    await cached({ input_ids: [1, 2, 3, 4, 9, 9, stopId, 5] }),
    6,
    "the last sampled token is not cached",
  );
  const scored = { input_ids: [1, 2, 3, 4], return_logprob: true, logprob_start_len: 0 };
  assert.equal(await cached(scored), 0, "scoring the prompt computes it");
  assert.equal((await post(engine, "/flush_cache", {})).status, 200);
  assert.equal(await cached({ input_ids: [1, 2, 3, 4] }), 0);
  assert.equal((await ask(engineWith({ kvCacheTokens: 0 }), hello)).meta_info.cached_tokens, 0);
});

Deno.test("/generate refuses bad requests with 400 and one sentence", async (t) => {
  const raw = (body: BodyInit) =>
    engineWith().fetch(new Request("http://e/generate", { method: "POST", body }));
  const cases: [string, string | Uint8Array<ArrayBuffer> | object, RegExp][] = [
    ["no JSON", "{", /Cannot read body/],
    ["a list", "[]", /expected an object, received \[\]/],
    ["invalid UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), /invalid UTF-8/],
    ["no prompt", {}, /exactly one of text and input_ids/],
    ["two prompts", { text: "a", input_ids: [1] }, /exactly one/],
    ["empty text", { text: "" }, /prompt is empty/],
    ["empty ids", { input_ids: [] }, /must be a list of ids, received \[\]/],
    ["text of a number", { text: 5 }, /text must be a string.*received 5/],
    ["mixed batch", { text: ["a", 1] }, /text must be a string/],
    ["mixed ids", { input_ids: [[1], 2] }, /must not mix/],
    ["unknown id", { input_ids: [1, 99_999_999] }, /99999999 in input_ids names no token/],
    ["negative id", { input_ids: [-1] }, /-1 in input_ids/],
    ["half an id", { input_ids: [1.5] }, /1.5 in input_ids/],
    ["embeddings", { input_embeds: [[0.1]] }, /no input_embeds/],
    ["stream of a word", { text: "a", stream: "yes" }, /stream must be true or false, received "yes"/],
    ["params of a number", { text: "a", sampling_params: 3 }, /sampling_params must be an object/],
    [
      "negative length",
      { text: "a", sampling_params: { max_new_tokens: -1 } },
      /max_new_tokens .*received -1/,
    ],
    ["half a length", { text: "a", sampling_params: { max_new_tokens: 1.5 } }, /whole number, received 1.5/],
    [
      "min over max",
      { text: "a", sampling_params: { max_new_tokens: 1, min_new_tokens: 2 } },
      /min_new_tokens/,
    ],
    ["stop of a number", { text: "a", sampling_params: { stop: [1] } }, /stop must be/],
    ["stop ids of words", { text: "a", sampling_params: { stop_token_ids: ["x"] } }, /stop_token_ids/],
    ["empty rid", { text: "a", rid: "" }, /rid must be/],
    ["rids that collide", { text: ["a", "b"], rid: ["r", "r"] }, /rid must be/],
    ["too many", { text: "a", sampling_params: { n: 1_000_000 } }, /over 4096 generations/],
  ];
  for (const [name, body, message] of cases) {
    await t.step(name, async () => {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      const response = await raw(isRaw ? body as BodyInit : JSON.stringify(body));
      assert.equal(response.status, 400);
      assert.match((await response.json()).error.message, message);
    });
  }
});

Deno.test("/generate keeps prompt and output within the context", async () => {
  const engine = engineWith({ contextLength: 10 });
  const long = await post(engine, "/generate", { input_ids: Array(10).fill(1) });
  assert.equal(long.status, 400);
  await long.body?.cancel();
  const reply = await ask(engine, {
    input_ids: Array(8).fill(1),
    sampling_params: { max_new_tokens: 50, ignore_eos: true },
  });
  assert.equal(reply.output_ids.length, 2);
});

Deno.test("/generate refuses a rid that is running, and leaves the first alone", async () => {
  const engine = engineWith();
  const first = await post(engine, "/generate", { ...hello, rid: "same", stream: true });
  const second = await post(engine, "/generate", { ...hello, rid: "same" });
  assert.equal(second.status, 400);
  assert.match((await second.json()).error.message, /"same" is already running/);
  const last = framesOf(await first.text()).at(-2);
  assert.ok(
    typeof last === "object" && "meta_info" in last && last.meta_info.finish_reason?.type !== "abort",
  );
});

Deno.test("state.requests holds bodies as they came, bounded", async () => {
  const engine = engineWith({ requestLogMax: 2 });
  for (const text of ["a", "b", "c"]) await ask(engine, { text, sampling_params: { max_new_tokens: 1 } });
  assert.deepEqual(engine.state.requests.map((each) => (each.body() as { text: string }).text), ["b", "c"]);
  const request = new Request("http://e/generate?x=1", {
    method: "POST",
    body: "{ not json",
    headers: { "x-a": "1" },
  });
  await (await engine.fetch(request)).body?.cancel();
  const last = engine.state.requests.at(-1)!;
  assert.deepEqual([last.method, last.path, last.search, last.bodyText, last.body()], [
    "POST",
    "/generate",
    "?x=1",
    "{ not json",
    undefined,
  ]);
  assert.ok(last.headers.some(([name, value]) => name === "x-a" && value === "1"));
  engine.clearRequests();
  assert.equal(engine.state.requests.length, 0);
});

Deno.test("state counts generations and tokens", async () => {
  const engine = engineWith();
  await ask(engine, { ...hello, sampling_params: { max_new_tokens: 5, ignore_eos: true } });
  const { running, waiting, generatedTokens, completed, aborted } = engine.state;
  assert.deepEqual({ running, waiting, generatedTokens, completed, aborted }, {
    running: 0,
    waiting: 0,
    generatedTokens: 5,
    completed: 1,
    aborted: 0,
  });
});
