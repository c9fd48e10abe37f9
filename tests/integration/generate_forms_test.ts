import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const PROMPT = chatPrompt("say json");
const PARAMS = { max_new_tokens: 12 };

function idsOf(h: Harness, index: number): number[] {
  return h.generateBodies()[index]!.input_ids as number[];
}

async function retrieve(h: Harness, text: string, headers: HeadersInit = {}): Promise<JsonObject> {
  const response = await h.post("/retrieve_from_text", { text, insert: false }, { headers });
  assert.equal(response.status, 200);
  return await response.json();
}

Deno.test("/generate: what was POSTed is what is recorded (bug no. 1: ids reach the worker)", async () => {
  await using h = await createHarness({ engine: { splitProbability: 1 } });
  const reply = await h.postOk("/generate", { text: PROMPT, sampling_params: PARAMS });
  const [body] = h.generateBodies();
  assert.equal(body!.text, undefined);
  assert.equal(body!.return_logprob, true);
  const row = await retrieve(h, PROMPT + reply.text);
  assert.deepEqual(row.tokens, [...body!.input_ids as number[], ...reply.output_ids as number[]]);
});

Deno.test("/generate keeps method, path, query and every other byte of the body", async () => {
  await using h = await createHarness();
  const body = `{ "b": 18446744073709551615, "text":${JSON.stringify(PROMPT)},"sampling_params" : ` +
    `{"max_new_tokens":3, "x":1e400},\n"a\\u0062":"\\ud83d\\ude80", "b":1.0}`;
  const response = await h.request("/generate?x=1&y=%20z", { method: "PUT", body });
  assert.equal(response.status, 200);
  await response.body?.cancel();
  const [logged] = h.engines[0]!.state.requests;
  assert.deepEqual([logged!.method, logged!.path, logged!.search], ["PUT", "/generate", "?x=1&y=%20z"]);
  const kept = `{"b": 18446744073709551615,"sampling_params" : {"max_new_tokens":3, "x":1e400},` +
    `"a\\u0062":"\\ud83d\\ude80","b":1.0,"return_logprob":true,"input_ids":[`;
  assert.ok(logged!.bodyText.startsWith(kept), logged!.bodyText);
});

const OPAQUE: readonly [name: string, body: JsonObject][] = [
  ["a batch of texts", { text: ["a", "b"] }],
  ["a batch of ids", { input_ids: [[1], [2, 3]] }],
  ["an image", { text: "what is it", image_data: "http://x/y.png" }],
  ["embeddings", { input_embeds: [[0.5]] }],
];
for (const [name, fields] of OPAQUE) {
  Deno.test(`/generate passes ${name} through byte for byte and records nothing`, async () => {
    await using h = await createHarness();
    const body = ` ${JSON.stringify({ ...fields, sampling_params: PARAMS })}\n`;
    await (await h.request("/generate", { method: "POST", body })).body?.cancel();
    assert.equal(h.engines[0]!.state.requests[0]!.bodyText, body);
    assert.equal(h.router.cache!.stats().entries, 0);
  });
}

Deno.test("/generate forwards input_ids as given and matches them as tokens", async () => {
  await using h = await createHarness({ engine: { splitProbability: 1 } });
  const first = await h.postOk("/generate", { text: PROMPT, sampling_params: PARAMS });
  const ids = [...idsOf(h, 0), ...first.output_ids as number[], ...h.loaded.tokenizer.encode("\nmore")];
  const before = h.router.cache!.stats().tokens;
  const second = await h.postOk("/generate", { input_ids: ids, sampling_params: PARAMS });
  assert.deepEqual(idsOf(h, 1), ids);
  const added = h.router.cache!.stats().tokens - before;
  assert.equal(added, h.loaded.tokenizer.encode("\nmore").length + (second.output_ids as number[]).length);
});

Deno.test("/generate records both samples of n = 2 under one prompt", async () => {
  for (const stream of [false, true]) {
    await using h = await createHarness({ engine: { splitProbability: 1 } });
    const response = await h.post("/generate", {
      text: PROMPT,
      stream,
      sampling_params: { ...PARAMS, n: 2, temperature: 1 },
    });
    await response.text();
    const { segments, tokens } = h.router.cache!.stats();
    assert.equal(segments, 3, `stream ${stream}`);
    assert.ok(tokens > idsOf(h, 0).length);
  }
});

Deno.test("/generate: the very next turn sees the commit, plain and streamed", async () => {
  for (const stream of [false, true]) {
    await using h = await createHarness({ engine: { splitProbability: 1, script: () => "HAVING" } });
    const response = await h.post("/generate", { text: PROMPT, stream, sampling_params: PARAMS });
    const reader = response.body!.getReader();
    let text = "";
    while (!text.endsWith(stream ? "[DONE]\n\n" : "}")) {
      text += new TextDecoder().decode((await reader.read()).value);
    }
    // The last byte is here; that the stream is at its end is not known yet.
    await h.postOk("/generate", { text: `${PROMPT}HAVING<|im_end|>\n`, sampling_params: PARAMS });
    await reader.read();
    const [one, two] = [idsOf(h, 0), idsOf(h, 1)];
    assert.deepEqual(two.slice(0, one.length), one);
    assert.notDeepEqual(two, [...h.loaded.tokenizer.encode(`${PROMPT}HAVING<|im_end|>\n`)]);
  }
});

Deno.test("/generate without a tokenizer passes bodies through unchanged", async () => {
  await using h = await createHarness({ withTokenizer: false });
  const body = `{"text": "hello",  "sampling_params": {"max_new_tokens": 2}}`;
  await (await h.request("/generate", { method: "POST", body })).body?.cancel();
  assert.equal(h.engines[0]!.state.requests[0]!.bodyText, body);
});

Deno.test("/generate takes a prompt of 1 MB end to end through the encode worker", async () => {
  const { loadTinyTokenizer } = await import("../support/tiny_tokenizer.ts");
  const tokenizer = await loadTinyTokenizer({ worker: true });
  await using h = await createHarness({ deps: { tokenizer } });
  const text = chatPrompt("HAVING the json, hello world 你好 🚀\n".repeat(25_000));
  assert.ok(new TextEncoder().encode(text).length > 1_000_000);
  const response = await h.post("/generate", { text, sampling_params: { max_new_tokens: 4 } });
  // The engine's context is shorter: what matters is what reached it.
  await response.body?.cancel();
  assert.deepEqual(idsOf(h, 0), [...tokenizer.tokenizer.encode(text)]);
});
