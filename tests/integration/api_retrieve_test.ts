import assert from "node:assert/strict";
import type { JsonObject, JsonValue } from "../../src/types.ts";
import { answerOf, assertRefused } from "../support/answers.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";
import { loadTinyTokenizer } from "../support/tiny_tokenizer.ts";

const FIELDS = [
  "candidates",
  "generation_versions",
  "loss_mask",
  "loss_mask_length",
  "match_reason",
  "matched_length",
  "response",
  "rollout_logp",
  "token_length",
  "tokens",
];

const retrieve = (h: Harness, body: unknown) => h.postOk("/retrieve_from_text", body);
const encode = (h: Harness, text: string) => [...h.loaded.tokenizer.encode(text)];
const repeat = <T>(value: T, count: number) => new Array<T>(count).fill(value);

/** A router whose worker answers every generation with `reply`. */
function harnessOver(reply: (h: () => Harness) => JsonObject): Promise<Harness> {
  const made = createHarness({ deps: { fetch: () => Promise.resolve(Response.json(reply(() => self))) } });
  let self: Harness;
  return made.then((h) => self = h);
}

function generateReply(text: string, ids: number[], meta: JsonObject): JsonObject {
  return {
    text,
    output_ids: ids,
    meta_info: { finish_reason: { type: "length", length: ids.length }, ...meta },
  };
}

Deno.test("POST /retrieve_from_text: exactly these fields, one value a token in every column", async () => {
  await using h = await createHarness();
  for (const text of ["", "hello", "hello world HAVING json", "你好 👋", "\u0000\n"]) {
    const body = await retrieve(h, { text });
    assert.deepEqual(Object.keys(body).sort(), FIELDS);
    const { length } = body.tokens as unknown[];
    for (const column of ["loss_mask", "rollout_logp", "generation_versions"]) {
      assert.equal((body[column] as unknown[]).length, length, column);
    }
    assert.deepEqual([body.token_length, body.loss_mask_length, body.response], [length, length, text]);
    assert.equal(h.loaded.tokenizer.decode(body.tokens as number[]), text);
  }
});

Deno.test("POST /retrieve_from_text: an empty text is all empty, 200", async () => {
  await using h = await createHarness();
  assert.deepEqual(await retrieve(h, { text: "" }), {
    tokens: [],
    response: "",
    loss_mask: [],
    token_length: 0,
    loss_mask_length: 0,
    rollout_logp: [],
    generation_versions: [],
    matched_length: 0,
    match_reason: "empty",
    candidates: 0,
  });
  assert.equal(h.router.cache!.stats().tokens, 0);
});

Deno.test("POST /retrieve_from_text: sampled tokens as sampled; prompt 0 and -1; what follows encoded", async () => {
  await using h = await createHarness({
    engine: { weightVersion: "10", splitProbability: 1, script: () => "HAVING world" },
  });
  const prompt = chatPrompt("hello");
  const reply = await h.postOk("/generate", { text: prompt, sampling_params: { max_new_tokens: 64 } });
  const sampled = reply.output_ids as number[];
  const triples = (reply.meta_info as JsonObject).output_token_logprobs as [number, number, null][];
  const promptIds = h.generateBodies()[0]!.input_ids as number[];
  const rest = `<|im_end|>\n<|im_start|>user\njson`;
  const text = `${prompt}${reply.text}${rest}`;

  const body = await retrieve(h, { text });
  const tail = encode(h, "\n<|im_start|>user\njson");
  assert.deepEqual(body.tokens, [...promptIds, ...sampled, ...tail]);
  assert.deepEqual(body.loss_mask, [
    ...repeat(0, promptIds.length),
    ...repeat(1, sampled.length),
    ...repeat(0, tail.length),
  ]);
  assert.deepEqual(body.rollout_logp, [
    ...repeat(0, promptIds.length),
    ...triples.map(([logprob]) => logprob),
    ...repeat(0, tail.length),
  ]);
  assert.deepEqual(body.generation_versions, [
    ...repeat(-1, promptIds.length),
    ...repeat(10, sampled.length),
    ...repeat(-1, tail.length),
  ]);
  assert.deepEqual([body.matched_length, body.candidates], [promptIds.length + sampled.length, 1]);
});

Deno.test("POST /retrieve_from_text: logprobs of 0 in this format are written 0.0", async () => {
  await using h = await createHarness();
  const { text } = await answerOf(h.post("/retrieve_from_text", { text: "hello world" }));
  assert.match(text, /"rollout_logp":\[0\.0,0\.0\]/);
});

Deno.test("POST /retrieve_from_text: versions are integers, labels or null; nothing is invented", async () => {
  const cases: [name: string, meta: JsonObject, logprobs: JsonValue, versions: JsonValue][] = [
    ["integer", { weight_version: 3 }, null, 3],
    ["integer-like text", { weight_version: "12" }, null, 12],
    ["label", { weight_version: "default" }, null, "default"],
    ["none", {}, null, null],
    ["with logprobs", { weight_version: "4", output_token_logprobs: [[-0.5, 72, null], [0, 73, null]] }, [
      -0.5,
      0,
    ], 4],
    ["a null logprob", { output_token_logprobs: [[null, 72, null], [-1, 73, null]] }, [null, -1], null],
  ];
  for (const [name, meta, logprobs, version] of cases) {
    await using h = await harnessOver(() => generateReply("HI", [72, 73], meta));
    await h.postOk("/generate", { text: "hello" });
    const body = await retrieve(h, { text: "helloHI" });
    const [id] = encode(h, "hello");
    assert.deepEqual(body.tokens, [id, 72, 73], name);
    assert.deepEqual(body.loss_mask, [0, 1, 1], name);
    assert.deepEqual(body.rollout_logp, [0, ...(logprobs as JsonValue[] ?? [null, null])], name);
    assert.deepEqual(body.generation_versions, [-1, version, version], name);
  }
});

Deno.test("POST /retrieve_from_text: return_logp changes nothing", async () => {
  await using h = await createHarness();
  const without = await retrieve(h, { text: "hello", return_logp: false });
  assert.deepEqual(without.rollout_logp, [0]);
  assert.deepEqual(Object.keys(without).sort(), FIELDS);
});

Deno.test("POST /retrieve_from_text: insert false leaves the cache as it is, true and absent record a prompt", async () => {
  await using h = await createHarness();
  const stored = () => [h.router.cache!.stats().entries, h.router.cache!.stats().tokens];
  await retrieve(h, { text: "hello world", insert: false });
  assert.deepEqual(stored(), [0, 0]);
  const first = await retrieve(h, { text: "hello world" });
  assert.deepEqual([first.matched_length, ...stored()], [0, 1, 2]);
  const again = await retrieve(h, { text: "hello world", insert: true });
  assert.deepEqual([again.matched_length, ...stored()], [2, 1, 2]);
  assert.deepEqual(again.loss_mask, [0, 0]);
});

Deno.test("POST /retrieve_from_text: a session reads its own samples", async () => {
  let turn = 0;
  await using h = await harnessOver(() =>
    generateReply("HI", [[72, 73], [72, 73]][turn]!, {
      output_token_logprobs: [[-1 - turn, 72, null], [-1 - turn, 73, null]],
    })
  );
  const session = (name: string) => ({ headers: { "x-session-id": name } });
  await (await h.post("/generate", { text: "hello" }, session("a"))).text();
  turn = 1;
  await (await h.post("/generate", { text: "hello" }, session("b"))).text();
  const logprobs = async (init: RequestInit) =>
    (await answerOf(h.post("/retrieve_from_text", { text: "helloHI" }, init))).body.rollout_logp;
  assert.deepEqual(await logprobs(session("a")), [0, -1, -1]);
  assert.deepEqual(await logprobs(session("b")), [0, -2, -2]);
  assert.deepEqual(await logprobs({ headers: { "x-smg-routing-key": "a", "x-session-id": "" } }), [
    0,
    -1,
    -1,
  ]);
  assert.deepEqual(await logprobs({}), [0, -2, -2]);
});

Deno.test("POST /retrieve_from_text: 100,000 tokens come whole", async () => {
  await using h = await createHarness();
  const text = "hello world".repeat(50_000);
  const body = await retrieve(h, { text, insert: false });
  assert.equal(body.response, text);
  assert.equal((body.tokens as unknown[]).length, body.token_length);
  assert.equal(h.loaded.tokenizer.decode(body.tokens as number[]), text);
});

Deno.test("POST /retrieve_from_text: without a tokenizer 503", async () => {
  await using h = await createHarness({ withTokenizer: false });
  for (const path of ["/retrieve_from_text", "/retrieve_from_messages_template", "/gc"]) {
    await assertRefused(h.post(path, { text: "a", messages: [], current_version: 1 }), 503, /no tokenizer/);
  }
});

Deno.test("POST /retrieve_from_messages_template: renders, then answers as for the text", async () => {
  await using h = await createHarness();
  const messages = [{ role: "system", content: "json" }, { role: "user", content: "hello" }];
  const tools = [{ type: "function", function: { name: "f" } }];
  const rendered = "<|im_start|>system\njson<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n";
  const cases: [name: string, body: JsonObject, text: string][] = [
    ["plain", { messages }, rendered],
    ["prompt to come", { messages, add_generation_prompt: true }, `${rendered}<|im_start|>assistant\n`],
    ["prompt not to come", { messages, add_generation_prompt: false }, rendered],
    [
      "tools",
      { messages, tools },
      `<|im_start|>system\n# Tools\n{"type": "function", "function": {"name": "f"}}<|im_end|>\n${rendered}`,
    ],
    ["no tools", { messages, tools: null }, rendered],
    [
      "kwargs below the fields of the request",
      { messages, chat_template_kwargs: { messages: [], add_generation_prompt: true } },
      rendered,
    ],
  ];
  for (const [name, body, text] of cases) {
    const answer = await h.postOk("/retrieve_from_messages_template", body);
    assert.equal(answer.response, text, name);
    assert.deepEqual(
      answer,
      await retrieve(h, { text }).then((same) => ({
        ...same,
        matched_length: answer.matched_length!,
        match_reason: answer.match_reason!,
        candidates: answer.candidates!,
      })),
    );
    assert.deepEqual(Object.keys(answer).sort(), FIELDS);
  }
});

Deno.test("POST /retrieve_from_messages_template: insert false leaves the cache as it is", async () => {
  await using h = await createHarness();
  const messages = [{ role: "user", content: "hello" }];
  await h.postOk("/retrieve_from_messages_template", { messages, insert: false });
  assert.equal(h.router.cache!.stats().tokens, 0);
  await h.postOk("/retrieve_from_messages_template", { messages });
  assert.notEqual(h.router.cache!.stats().tokens, 0);
});

Deno.test("POST /retrieve_from_messages_template: no messages, or ones the template refuses, are 400", async () => {
  await using h = await createHarness();
  const cases: [unknown, RegExp][] = [
    [{}, /messages is empty/],
    [{ messages: [] }, /messages is empty/],
    [{ messages: null }, /messages must be a list, received null/],
    [{ messages: "hi" }, /messages must be a list, received "hi"/],
    [{ messages: ["hi"] }, /messages\.0 must be an object, received "hi"/],
    [{ messages: [{ content: "hi" }] }, /messages\.0\.role is required/],
    [{ messages: [{ role: 5 }] }, /messages\.0\.role must be a string, received 5/],
    [{ messages: [{ role: "ghost", content: "x" }] }, /Unknown role: ghost/],
    [{ messages: [{ role: "user" }], tools: {} }, /tools must be a list, received an object/],
    [{ messages: [{ role: "user" }], tools: ["f"] }, /tools\.0 must be an object/],
    [{ messages: [{ role: "user" }], add_generation_prompt: 1 }, /must be true or false, received 1/],
  ];
  for (const [body, says] of cases) {
    const refused = h.post("/retrieve_from_messages_template", body);
    await assertRefused(refused, 400, says);
  }
  assert.equal(h.router.cache!.stats().tokens, 0);
});

Deno.test("POST /retrieve_from_messages_template: without a chat template 503, saying why", async () => {
  const loaded = await loadTinyTokenizer();
  const tokenizer = { ...loaded, chatTemplate: null, chatTemplateError: "the template does not parse" };
  await using h = await createHarness({ withTokenizer: false, deps: { tokenizer } });
  const body = { messages: [{ role: "user", content: "hi" }] };
  await assertRefused(h.post("/retrieve_from_messages_template", body), 503, /the template does not parse/);
});

Deno.test("POST /gc: lets go what is too old, and tells how much", async () => {
  await using h = await createHarness({ config: { gcThresholdK: 5 } });
  for (const version of ["1", "9"]) {
    h.engines[0]!.setWeightVersion(version);
    const text = chatPrompt(`version ${version}`);
    await h.postOk("/generate", { text, sampling_params: { max_new_tokens: 4 } });
  }
  const before = h.router.cache!.stats();
  const nothing = await h.postOk("/gc", { current_version: 5 });
  assert.deepEqual(nothing, {
    status: "success",
    removed_entries: 0,
    removed_tokens: 0,
    cur_cache_size: before.tokens,
  });
  const some = await h.postOk("/gc", { current_version: 9 });
  assert.ok((some.removed_entries as number) > 0);
  assert.equal(some.cur_cache_size, before.tokens - (some.removed_tokens as number));
  const rest = await h.postOk("/gc", { current_version: 9, gc_threshold_k: 0 });
  assert.ok((rest.removed_tokens as number) > 0);
  assert.equal(rest.cur_cache_size, h.router.cache!.stats().tokens);
});

Deno.test("POST /gc: refuses what is no version", async () => {
  await using h = await createHarness();
  const cases: [string, RegExp][] = [
    ["{}", /current_version is required/],
    ['{"current_version":"9"}', /must be a number, received "9"/],
    ['{"current_version":-1}', /0 or more, received -1/],
    ['{"current_version":1.5}', /an integer/],
    ['{"current_version":1e999}', /received Infinity/],
    ['{"current_version":18446744073709551616}', /an integer of at most 2\^53 - 1/],
    ['{"current_version":9,"gc_threshold_k":-1}', /gc_threshold_k must be 0 or more/],
    ['{"current_version":null}', /received null/],
  ];
  for (const [body, says] of cases) {
    await assertRefused(h.request("/gc", { method: "POST", body }), 400, says);
  }
});
