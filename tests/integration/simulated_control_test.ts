import assert from "node:assert/strict";
import type { WireReply } from "../../src/engine/simulated/mod.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import {
  ask,
  chatTemplate,
  engineWith,
  framesOf,
  post,
  tokenizer,
} from "../unit/engine/simulated_support.ts";

const LATENCY = { prefillTokensPerSecond: 1_000, decodeMsPerToken: 10, batchSlowdown: 0 };
const endless = { max_new_tokens: 100, ignore_eos: true };

/** An engine whose tokens take 10 ms each on a clock that the test turns. */
function slowEngine(options: Parameters<typeof engineWith>[0] = {}) {
  const clock = new FakeClock();
  return { clock, engine: engineWith({ clock, latency: LATENCY, ...options }) };
}

const json = async (response: Promise<Response>): Promise<WireReply> => (await response).json();

Deno.test("information endpoints answer as SGLang does", async (t) => {
  const engine = engineWith({ weightVersion: "7", modelPath: "tiny" });
  const get = (path: string) => engine.fetch(new Request(`http://e${path}`));
  const info = {
    model_path: "tiny",
    tokenizer_path: tokenizer.source,
    is_generation: true,
    weight_version: "7",
  };
  for (const path of ["/get_model_info", "/model_info"]) {
    await t.step(path, async () => assert.deepEqual(await (await get(path)).json(), info));
  }
  await t.step("/get_weight_version", async () => {
    assert.deepEqual(await (await get("/get_weight_version")).json(), { weight_version: "7" });
  });
  for (const path of ["/health", "/health_generate"]) {
    await t.step(path, async () => assert.equal((await get(path)).status, 200));
  }
  await t.step("/v1/models", async () => {
    const { data } = await (await get("/v1/models")).json();
    assert.deepEqual(data.map(({ id }: { id: string }) => id), ["tiny"]);
  });
  await t.step("/get_server_info", async () => {
    assert.equal((await (await get("/get_server_info")).json()).context_length, 131_072);
  });
  await t.step("anything else", async () => {
    const response = await get("/nothing");
    assert.equal(response.status, 404);
    assert.match((await response.json()).error.message, /GET \/nothing/);
  });
});

Deno.test("/abort_request ends what runs under the rid prefix, with 200 and the partial output", async (t) => {
  const cases: [string, object, string[]][] = [
    ["a whole rid", { rid: "a-1" }, ["a-1"]],
    ["a prefix", { rid: "a-" }, ["a-1", "a-2"]],
    ["abort_all", { abort_all: true, rid: "" }, ["a-1", "a-2", "b-1"]],
    ["an empty rid, which every rid begins with", { rid: "" }, ["a-1", "a-2", "b-1"]],
    ["an unknown rid", { rid: "c" }, []],
    ["nothing named", {}, []],
  ];
  for (const [name, body, expected] of cases) {
    await t.step(name, async () => {
      const { clock, engine } = slowEngine();
      const rids = ["a-1", "a-2", "b-1"];
      const replies = rids.map((rid) =>
        json(
          post(engine, "/generate", { input_ids: [1], rid, sampling_params: endless, return_logprob: true }),
        )
      );
      await clock.advance(51);
      assert.equal(engine.state.running, 3);
      assert.equal((await post(engine, "/abort_request", body)).status, 200);
      assert.equal(engine.state.running, 3 - expected.length, "at once");
      await clock.advance(2_000);
      for (const reply of await Promise.all(replies)) {
        const { id, finish_reason, completion_tokens, output_token_logprobs } = reply.meta_info;
        assert.equal(finish_reason?.type, expected.includes(id) ? "abort" : "length");
        assert.equal(completion_tokens, expected.includes(id) ? 6 : 100);
        assert.equal(reply.output_ids.length, completion_tokens);
        assert.equal(output_token_logprobs?.length, completion_tokens);
      }
      assert.equal(engine.state.running, 0);
      assert.equal(clock.sleeping, 0);
    });
  }
});

Deno.test("/abort_request reaches a stream", async () => {
  const engine = engineWith();
  const response = await post(engine, "/generate", {
    input_ids: [1],
    rid: "s",
    stream: true,
    sampling_params: endless,
  });
  const reader = response.body!.getReader();
  await reader.read();
  await post(engine, "/abort_request", { rid: "s" });
  assert.equal(engine.state.running, 0);
  const { value } = await reader.read();
  const [frame, done] = framesOf(new TextDecoder().decode(value));
  assert.ok(typeof frame === "object" && "meta_info" in frame);
  assert.deepEqual(frame.meta_info.finish_reason, { type: "abort", message: "Aborted" });
  assert.equal(done, "[DONE]");
  assert.equal((await reader.read()).done, true);
});

Deno.test("/abort_request reaches the waiting queue: no token, no status code", async () => {
  const { clock, engine } = slowEngine({ runningMax: 1 });
  const first = json(post(engine, "/generate", { input_ids: [1], rid: "first", sampling_params: endless }));
  const second = json(post(engine, "/generate", { input_ids: [1], rid: "second", sampling_params: endless }));
  const third = json(
    post(engine, "/generate", { input_ids: [1], rid: "third", sampling_params: { max_new_tokens: 1 } }),
  );
  await clock.advance(20);
  assert.deepEqual([engine.state.running, engine.state.waiting], [1, 2]);
  assert.equal(engine.abort("second"), 1);
  const reply = await second;
  assert.deepEqual([reply.text, reply.output_ids], ["", []]);
  assert.deepEqual(reply.meta_info.finish_reason, { type: "abort", message: "Aborted" });
  await clock.advance(3_000);
  assert.equal((await first).output_ids.length, 100);
  assert.equal((await third).output_ids.length, 1, "the next in the queue gets the place");
  assert.deepEqual([engine.state.running, engine.state.waiting], [0, 0]);
});

Deno.test("/pause_generation and /continue_generation, by mode", async (t) => {
  const cases = [
    { mode: "abort", finish: "abort", retractions: 0 },
    { mode: "retract", finish: "length", retractions: 1 },
    { mode: "in_place", finish: "length", retractions: 0 },
  ];
  for (const { mode, finish, retractions } of cases) {
    await t.step(mode, async () => {
      const { clock, engine } = slowEngine();
      const before = json(post(engine, "/generate", { input_ids: [1], sampling_params: endless }));
      await clock.advance(31);
      assert.equal((await post(engine, "/pause_generation", { mode })).status, 200);
      await clock.advance(100);
      const during = json(
        post(engine, "/generate", { input_ids: [2], sampling_params: { max_new_tokens: 2 } }),
      );
      const frozen = engine.state.generatedTokens;
      await clock.advance(5_000);
      assert.equal(engine.state.generatedTokens, frozen, "nothing is sampled while paused");
      await post(engine, "/update_weight_version", { new_version: "v2", abort_all_requests: false });
      await post(engine, "/continue_generation", {});
      await clock.advance(3_000);
      const { meta_info: meta } = await before;
      assert.equal(meta.finish_reason?.type, finish);
      assert.equal(meta.num_retractions, retractions);
      assert.equal((await during).output_ids.length, 2, "what came in the pause runs after it");
      const versions = meta.weight_versions?.map(({ version }) => version);
      assert.deepEqual(versions, finish === "abort" ? ["default"] : ["default", "v2"]);
      assert.deepEqual([engine.state.running, clock.sleeping], [0, 0]);
    });
  }
});

Deno.test("/pause_generation holds requests with no latency model too", async () => {
  const engine = engineWith();
  engine.pause("in_place");
  const held = ask(engine, { input_ids: [1], sampling_params: { max_new_tokens: 3, ignore_eos: true } });
  await settle();
  assert.deepEqual([engine.state.running, engine.state.paused, engine.state.generatedTokens], [1, true, 0]);
  engine.continue();
  assert.equal((await held).output_ids.length, 3);
});

Deno.test("a retracted request pays for its prefill again", async () => {
  const { clock, engine } = slowEngine();
  const reply = json(
    post(engine, "/generate", {
      input_ids: Array(500).fill(1),
      sampling_params: { max_new_tokens: 3, ignore_eos: true },
    }),
  );
  await clock.advance(505);
  engine.pause("retract");
  engine.continue();
  await clock.advance(494);
  assert.equal(engine.state.running, 1);
  await clock.advance(2_000);
  assert.ok((await reply).meta_info.e2e_latency! > 1, "two prefills of half a second");
});

Deno.test("time passes as the latency model says", async (t) => {
  const run = async (input_ids: number[], count: number, batchSlowdown: number) => {
    const clock = new FakeClock();
    const engine = engineWith({ clock, latency: { ...LATENCY, batchSlowdown } });
    const body = { input_ids, sampling_params: { max_new_tokens: 11, ignore_eos: true } };
    const replies = Array.from({ length: count }, () => json(post(engine, "/generate", body)));
    await clock.advance(60_000);
    const second = json(post(engine, "/generate", body));
    await clock.advance(60_000);
    return [...await Promise.all(replies), await second].map(({ meta_info }) => meta_info.e2e_latency);
  };
  await t.step("prefill, then ten steps; the second time the prompt is cached", async () => {
    assert.deepEqual(await run(Array(100).fill(1), 1, 0), [0.2, 0.101]);
  });
  await t.step("a batch slows each step", async () => {
    assert.deepEqual((await run([1], 2, 0.5)).map((each) => Math.round(each! * 1_000)), [151, 151, 101]);
  });
});

Deno.test("weights: every endpoint that sets the version", async () => {
  const engine = engineWith();
  const version = async () => (await ask(engine, { input_ids: [1] })).meta_info.weight_version;
  assert.equal(await version(), "default");
  await post(engine, "/update_weight_version", { new_version: "3" });
  assert.equal(await version(), "3");
  const disk = await post(engine, "/update_weights_from_disk", {
    model_path: "/models/x",
    weight_version: "4",
  });
  assert.deepEqual(await disk.json(), {
    success: true,
    message: "Succeeded to update model weights.",
    num_paused_requests: 0,
  });
  assert.deepEqual([await version(), engine.state.weightVersion], ["4", "4"]);
  engine.setWeightVersion("5");
  assert.equal(await version(), "5");
});

Deno.test("/update_weights_from_disk flushes the cache unless told not to", async () => {
  const engine = engineWith();
  for (const [flush_cache, isEmpty] of [[false, false], [true, true]] as const) {
    await ask(engine, { input_ids: [1, 2, 3] });
    await post(engine, "/update_weights_from_disk", { model_path: "x", flush_cache });
    assert.equal(engine.state.kvCacheTokens === 0, isEmpty);
  }
});

Deno.test("/flush_cache is refused while requests run", async () => {
  const engine = engineWith();
  const stream = await post(engine, "/generate", { input_ids: [1], stream: true });
  const refused = await post(engine, "/flush_cache", {});
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /1 requests run/);
  await stream.text();
  assert.equal((await post(engine, "/flush_cache", {})).status, 200);
});

Deno.test("control endpoints refuse bad bodies", async (t) => {
  const cases: [string, object, RegExp][] = [
    ["/abort_request", { rid: 5 }, /rid must be a string, received 5/],
    ["/pause_generation", { mode: "nap" }, /abort, retract, in_place, received "nap"/],
    ["/update_weight_version", {}, /new_version is missing/],
    ["/update_weight_version", { new_version: {} }, /new_version must be a string/],
    ["/update_weights_from_disk", {}, /model_path must be a path/],
    ["/simulated/faults", { nope: {} }, /no such knob/],
  ];
  for (const [path, body, message] of cases) {
    await t.step(`${path} ${JSON.stringify(body)}`, async () => {
      const response = await post(engineWith(), path, body);
      assert.equal(response.status, 400);
      assert.match((await response.json()).error.message, message);
    });
  }
});

Deno.test("/v1/chat/completions renders the template and answers in OpenAI's form", async () => {
  const engine = engineWith({
    chatTemplate: chatTemplate!,
    script: ({ text }) => `hello ${text?.length}`,
    modelPath: "m",
  });
  const messages = [{ role: "user", content: "Hi" }];
  const prompt = chatTemplate!.render({ messages, add_generation_prompt: true });
  const body = { model: "x", messages, max_tokens: 40, logprobs: true };
  const reply = await (await post(engine, "/v1/chat/completions", body)).json();
  const content = `hello ${prompt.length}`;
  assert.equal(reply.object, "chat.completion");
  assert.equal(reply.model, "x");
  const [choice] = reply.choices;
  assert.deepEqual(choice.message, { role: "assistant", content, reasoning_content: null, tool_calls: null });
  assert.deepEqual([choice.index, choice.finish_reason], [0, "stop"]);
  assert.equal(choice.logprobs.content.length, reply.usage.completion_tokens);
  assert.equal(reply.usage.prompt_tokens, tokenizer.encode(prompt).length);
  assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);

  const sse = await (await post(engine, "/v1/chat/completions", { ...body, stream: true })).text();
  const frames = framesOf(sse) as unknown[];
  assert.equal(frames.pop(), "[DONE]");
  type Chunk = { choices: [{ delta: { role?: string; content?: string }; finish_reason: string | null }] };
  const choices = (frames as Chunk[]).map((chunk) => chunk.choices[0]);
  assert.equal(choices[0]?.delta.role, "assistant");
  assert.equal(choices.map(({ delta }) => delta.content ?? "").join(""), content);
  assert.deepEqual(choices.map(({ finish_reason }) => finish_reason).filter(Boolean), ["stop"]);
});

Deno.test("/v1/chat/completions takes rendered input_ids and refuses what it cannot render", async (t) => {
  const withTemplate = engineWith({ chatTemplate: chatTemplate! });
  await t.step("input_ids", async () => {
    const body = { messages: [{ role: "user", content: "x" }], input_ids: [1, 2, 3] };
    const reply = await (await post(withTemplate, "/v1/chat/completions", body)).json();
    assert.equal(reply.usage.prompt_tokens, 3);
  });
  const cases: [string, ReturnType<typeof engineWith>, object, RegExp][] = [
    ["no messages", withTemplate, { messages: [] }, /messages must be a list, received \[\]/],
    ["no template", engineWith(), { messages: [{ role: "user", content: "x" }] }, /no chat template/],
    [
      "a role that the template refuses",
      withTemplate,
      { messages: [{ role: "judge" }] },
      /Unknown role: judge/,
    ],
  ];
  for (const [name, engine, body, message] of cases) {
    await t.step(name, async () => {
      const response = await post(engine, "/v1/chat/completions", body);
      assert.equal(response.status, 400);
      assert.match((await response.json()).error.message, message);
    });
  }
});
