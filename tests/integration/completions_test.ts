import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";
import { chunksOf, createChatHarness } from "../support/chat_harness.ts";
import type { HarnessOptions } from "../support/router_harness.ts";

const PATH = "/v1/completions";
const ENGINES = [["sglang", "sglang"], ["vllm", "vllm"], ["vllm", "vllm-completions"]] as const;

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly finish_reason: string | null;
  readonly token_ids: number[];
  readonly prompt_token_ids?: number[];
  readonly logprobs: {
    tokens: string[];
    token_logprobs: number[];
    top_logprobs: Record<string, number>[];
    text_offset: number[];
  } | null;
}

const choicesOf = (body: JsonObject) => body.choices as unknown as Choice[];

/** A gateway, and a way to ask it with and without streaming. */
async function harness(options: HarnessOptions = {}) {
  const h = await createChatHarness({ ...options, engine: { splitProbability: 0.5, ...options.engine } });
  async function complete(body: JsonObject, streams = false, headers: Record<string, string> = {}) {
    const sent = { return_token_ids: true, max_tokens: 12, ...body, ...(streams ? { stream: true } : {}) };
    const response = await h.post(PATH, sent, { headers });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return streams ? joinedChunks(chunksOf(text)) : choicesOf(JSON.parse(text));
  }
  return Object.assign(h, { complete });
}

/** Chunks put together. */
function joinedChunks(chunks: JsonObject[]): Choice[] {
  const choices: Choice[] = [];
  for (const chunk of chunks.flatMap(choicesOf)) {
    const before = choices[chunk.index];
    const logprobs = before?.logprobs ?? chunk.logprobs;
    if (before !== undefined && logprobs !== null && chunk.logprobs !== null) {
      for (const [name, list] of Object.entries(chunk.logprobs)) {
        (logprobs as unknown as Record<string, unknown[]>)[name]!.push(...list);
      }
    }
    choices[chunk.index] = {
      ...before,
      ...chunk,
      logprobs,
      text: (before?.text ?? "") + chunk.text,
      token_ids: [...before?.token_ids ?? [], ...chunk.token_ids],
    };
  }
  return choices;
}

for (const [protocol, engine] of ENGINES) {
  Deno.test(`completions: ${engine}: what is sampled is what the next prompt sends, plain and streamed`, async () => {
    for (const streams of [false, true]) {
      const posted: number[][] = [];
      await using h = await harness({
        engine: { protocol },
        config: { engine },
        wrapFetch: (fetch) => async (input, init) => {
          const { input_ids, token_ids, prompt } = JSON.parse(
            new TextDecoder().decode(init!.body as Uint8Array),
          );
          posted.push(input_ids ?? token_ids ?? prompt);
          return await fetch(input, init);
        },
      });
      const first = (await h.complete({ prompt: "hello HAVING" }, streams))[0]!;
      assert.deepEqual(first.prompt_token_ids, [...h.loaded.tokenizer.encode("hello HAVING")]);
      assert.deepEqual([first.token_ids.length, first.finish_reason], [12, "length"]);
      assert.equal(first.text, h.loaded.tokenizer.decode(first.token_ids));
      const second = (await h.complete({ prompt: `hello HAVING${first.text} more` }, streams))[0]!;
      const begun = [...first.prompt_token_ids!, ...first.token_ids];
      assert.deepEqual(second.prompt_token_ids!.slice(0, begun.length), begun);
      assert.deepEqual(posted, [first.prompt_token_ids, second.prompt_token_ids]);
      const tokens = await h.postOk("/retrieve_from_text", { text: `hello HAVING${first.text}` });
      assert.deepEqual(tokens.tokens, begun);
      assert.deepEqual(tokens.loss_mask, begun.map((_, at) => at < first.prompt_token_ids!.length ? 0 : 1));
    }
  });

  Deno.test(`completions: ${engine}: prompts in any form and n give their choices in order`, async () => {
    await using h = await harness({ engine: { protocol }, config: { engine } });
    const ids = (text: string) => [...h.loaded.tokenizer.encode(text)];
    const forms: [JsonObject, number[][]][] = [
      [{ prompt: "hello" }, [ids("hello")]],
      [{ prompt: ids("hello") }, [ids("hello")]],
      [{ prompt: ["hello", "user world"] }, [ids("hello"), ids("user world")]],
      [{ prompt: [ids("hello"), ids("json")] }, [ids("hello"), ids("json")]],
      [{ prompt: ["hello", "json"], n: 2 }, [ids("hello"), ids("hello"), ids("json"), ids("json")]],
    ];
    for (const [body, prompts] of forms) {
      for (const streams of [false, true]) {
        const choices = await h.complete(body, streams);
        assert.deepEqual(choices.map(({ index }) => index), prompts.map((_, index) => index));
        assert.deepEqual(choices.map((choice) => choice.prompt_token_ids), prompts);
        for (const { text, token_ids } of choices) assert.equal(text, h.loaded.tokenizer.decode(token_ids));
      }
    }
    await h.router.close();
    assert.equal(h.router.cache!.stats().pinned, 0);
  });
}

Deno.test("completions: logprobs are four lists, the same streamed, with offsets in code points", async () => {
  await using h = await harness({ engine: { script: () => "hello 你好 🚀 world", splitProbability: 1 } });
  const body = { prompt: "user", logprobs: 2, max_tokens: 100, temperature: 0 };
  const [plain] = await h.complete(body);
  const [streamed] = await h.complete(body, true);
  assert.deepEqual(streamed!.logprobs, plain!.logprobs);
  assert.deepEqual([plain!.text, plain!.finish_reason], ["hello 你好 🚀 world", "stop"]);
  const { tokens, token_logprobs, top_logprobs, text_offset } = plain!.logprobs!;
  assert.deepEqual(
    [tokens, token_logprobs, top_logprobs, text_offset].map(({ length }) => length),
    Array(4).fill(plain!.token_ids.length),
  );
  assert.ok(token_logprobs.every((logprob, at) => top_logprobs[at]![tokens[at]!] === logprob));
  assert.ok(top_logprobs.every((top) => Object.keys(top).length >= 1 && Object.keys(top).length <= 3));
  const characters = [...plain!.text];
  tokens.forEach((token, at) => {
    if (token.startsWith("bytes:") || token === "<|im_end|>") return;
    assert.equal(characters.slice(text_offset[at], text_offset[at]! + [...token].length).join(""), token);
  });
  assert.ok(tokens.some((token) => /^bytes:(\\x[0-9a-f]{2})+$/.test(token)));
  const [none] = await h.complete({ prompt: "user" });
  assert.equal(none!.logprobs, null);
});

Deno.test("completions: stop strings are left out of the text, not of the ids; usage counts all", async () => {
  await using h = await harness({ engine: { script: () => "hello world, hello json" } });
  for (const streams of [false, true]) {
    const [choice] = await h.complete({ prompt: "user", stop: [" wor"], max_tokens: 50 }, streams);
    assert.deepEqual([choice!.text, choice!.finish_reason], ["hello", "stop"]);
    assert.match(h.loaded.tokenizer.decode(choice!.token_ids), /^hello wor/);
  }
  const whole = await h.postOk(PATH, { prompt: ["user", "system"], n: 2, max_tokens: 3, temperature: 0 });
  assert.deepEqual([whole.object, (whole.choices as unknown[]).length], ["text_completion", 4]);
  const { prompt_tokens: prompt, completion_tokens: completed, total_tokens: total } = whole
    .usage as Record<string, number>;
  assert.deepEqual([prompt, completed, total], [2, 12, 14]);
  const response = await h.post(PATH, {
    prompt: "user",
    max_tokens: 3,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = chunksOf(await response.text());
  const last = chunks.at(-1)!;
  assert.deepEqual([last.choices, (last.usage as JsonObject).completion_tokens], [[], 3]);
  assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
});

Deno.test("completions: without max_tokens there are 16, as in OpenAI's", async () => {
  await using h = await harness();
  await h.postOk(PATH, { prompt: "hello" });
  const [sent] = h.generateBodies();
  assert.equal((sent!.sampling_params as JsonObject).max_new_tokens, 16);
});

Deno.test("completions: a session's name keeps its samples to itself", async () => {
  await using h = await harness({ engine: { script: () => "HAVING HAVING", splitProbability: 1 } });
  const prompt = "hello";
  const first = (await h.complete({ prompt }, false, { "x-session-id": "a" }))[0]!;
  const goOn = (session: string) =>
    h.complete({ prompt: `${prompt}${first.text} more` }, false, { "x-session-id": session });
  const begun = [...first.prompt_token_ids!, ...first.token_ids.slice(0, -1)];
  const [own] = await goOn("a");
  const [others] = await goOn("b");
  assert.deepEqual(own!.prompt_token_ids!.slice(0, begun.length), begun);
  assert.notDeepEqual(others!.prompt_token_ids!.slice(0, begun.length), begun);
});

Deno.test("completions: bad input is a 400 in OpenAI's shape that names the field; nothing is asked", async (t) => {
  const cases: [name: string, body: JsonObject, param: string | null][] = [
    ["no prompt", {}, "prompt"],
    ["empty prompt", { prompt: "" }, "prompt"],
    ["no prompts", { prompt: [] }, "prompt"],
    ["prompt a number", { prompt: 7 }, "prompt"],
    ["an empty one of two", { prompt: ["a", ""] }, "prompt[1]"],
    ["mixed", { prompt: ["a", 1] }, "prompt[1]"],
    ["too many", { prompt: Array(129).fill("a") }, "prompt"],
    ["no id", { prompt: [1, -1] }, "prompt[1]"],
    ["unknown id", { prompt: [1, 99_999] }, "prompt[1]"],
    ["unknown id of two", { prompt: [[1], [99_999]] }, "prompt[1][0]"],
    ["half a character", { prompt: "\ud800" }, "prompt"],
    ["echo", { prompt: "a", echo: true }, "echo"],
    ["suffix", { prompt: "a", suffix: "b" }, "suffix"],
    ["best_of", { prompt: "a", best_of: 2 }, "best_of"],
    ["too many choices", { prompt: Array(128).fill("a"), n: 9 }, "n"],
    ["logprobs true", { prompt: "a", logprobs: true }, "logprobs"],
    ["logprobs 21", { prompt: "a", logprobs: 21 }, "logprobs"],
    ["max_tokens 0", { prompt: "a", max_tokens: 0 }, "max_tokens"],
    ["add_special_tokens", { prompt: "a", add_special_tokens: true }, "add_special_tokens"],
    ["engine's prompt", { prompt: "a", text: "b" }, null],
  ];
  await using h = await harness();
  for (const [name, body, param] of cases) {
    await t.step(name, async () => {
      const reply = await h.post(PATH, body);
      const { error } = await reply.json();
      assert.deepEqual(
        [reply.status, error.type, error.param],
        [400, "invalid_request_error", param],
        error.message,
      );
      assert.match(error.message, /^Cannot /);
    });
  }
  assert.equal(h.wire.length, 0);
});

Deno.test("completions: below a session they are refused, with what to do instead", async () => {
  await using h = await harness();
  const reply = await h.post("/sessions/a/v1/completions", { prompt: "hello" });
  const { error } = await reply.json();
  assert.deepEqual([reply.status, error.code], [400, "session_is_chat"]);
  assert.match(error.message, /X-Session-ID/);
  const wrong = await h.request("/sessions/a/v1/completions");
  assert.deepEqual([wrong.status, (await wrong.json()).error.type], [405, "invalid_request_error"]);
});

Deno.test("completions: failures of engines have their status, or are a frame of the stream", async () => {
  await using h = await harness();
  const [engine] = h.engines;
  for (const stream of [false, true]) {
    engine!.faults.httpError.next = 1;
    const failed = await h.post(PATH, { prompt: "hello", stream });
    assert.deepEqual([failed.status, (await failed.json()).error.type], [500, "server_error"]);
  }
  engine!.faults.errorFrame.next = 1;
  const broken = await (await h.post(PATH, { prompt: ["hello", "json"], stream: true })).text();
  assert.match(broken, /data: \{"error":\{"message":[^\n]*\n\ndata: \[DONE\]\n\n$/);
  await using none = await harness({ engines: 0 });
  const refused = await none.post(PATH, { prompt: "hello" });
  assert.deepEqual([refused.status, (await refused.json()).error.code], [503, "no_worker"]);
  assert.equal(h.router.pool.totalInFlight, 0);
});

Deno.test("completions: a pause is gone over, as in chat", async () => {
  const faults = { abortRunning: { afterTokens: 3, next: 1 } };
  for (const streams of [false, true]) {
    await using h = await harness({ engine: { faults }, config: { onAbort: "resume", abortRetryWaitMs: 0 } });
    const [choice] = await h.complete({ prompt: "hello" }, streams);
    assert.deepEqual([choice!.token_ids.length, choice!.finish_reason], [12, "length"]);
    const [, resumed] = h.generateBodies();
    assert.deepEqual(resumed!.input_ids, [...choice!.prompt_token_ids!, ...choice!.token_ids.slice(0, 3)]);
  }
});

Deno.test("completions: without a tokenizer, or by --chat proxy, they pass as they come", async () => {
  for (const options of [{ withTokenizer: false }, { config: { chat: "proxy" } }] as const) {
    await using h = await harness({ engine: { protocol: "vllm" }, ...options });
    const reply = await h.postOk(PATH, { prompt: "hello", max_tokens: 2, echo: false });
    assert.match(reply.id as string, /^cmpl-/);
    assert.equal(h.engines[0]!.state.requests[0]!.path, PATH);
    assert.equal((h.engines[0]!.state.requests[0]!.body() as JsonObject).prompt, "hello");
  }
});
