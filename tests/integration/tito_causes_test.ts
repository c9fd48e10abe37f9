import assert from "node:assert/strict";
import type { ScriptedReply } from "../../src/engine/simulated/sampler.ts";
import type { JsonObject } from "../../src/types.ts";
import { chatPrompt, createHarness, type Harness, type HarnessOptions } from "../support/router_harness.ts";

const STOP = "<|im_end|>";
const PROMPT = chatPrompt("hello");

interface Row extends JsonObject {
  tokens: number[];
  loss_mask: number[];
  rollout_logp: (number | null)[];
  generation_versions: (number | string | null)[];
}

/** Ids of tokens by their bytes; the split is the caller's. */
function idsOf({ loaded }: Harness, ...tokens: string[]): number[] {
  return tokens.flatMap((token) => [...loaded.tokenizer.encode(token)]);
}

/** A harness whose engine answers each request with the next of `replies`. */
async function scripted(
  replies: (h: Harness) => readonly ScriptedReply[],
  options: HarnessOptions = {},
): Promise<Harness> {
  let list: readonly ScriptedReply[] = [];
  const script = ({ ordinal }: { ordinal: number }) => list[Math.min(ordinal, list.length - 1)];
  const h = await createHarness({ ...options, engine: { splitProbability: 0, script, ...options.engine } });
  list = replies(h);
  return h;
}

async function generate(h: Harness, text: string, params: JsonObject = {}, headers: HeadersInit = {}) {
  const response = await h.post("/generate", { text, sampling_params: params }, { headers });
  assert.equal(response.status, 200);
  const reply = await response.json();
  const posted = h.generateBodies().at(-1)!.input_ids as number[];
  return { text: reply.text as string, ids: reply.output_ids as number[], posted, meta: reply.meta_info };
}

async function retrieve(h: Harness, text: string, headers: HeadersInit = {}): Promise<Row> {
  const response = await h.post("/retrieve_from_text", { text, insert: false }, { headers });
  return await response.json();
}

Deno.test("TITO D1: the sampled split H+AVING is sent again, not HAV+ING", async () => {
  await using h = await scripted((h) => [{ ids: [...idsOf(h, "H", "AVING"), ...idsOf(h, STOP)] }]);
  const one = await generate(h, PROMPT);
  assert.equal(one.text, "HAVING");
  assert.notDeepEqual(one.ids.slice(0, 2), idsOf(h, "HAVING"));
  const two = await generate(h, chatPrompt("more", `${PROMPT}HAVING${STOP}\n`));
  assert.deepEqual(two.posted.slice(0, one.posted.length + 3), [...one.posted, ...one.ids]);
});

Deno.test("TITO D2: no merge is made across the end of a reply", async () => {
  await using h = await scripted((h) => [{ ids: idsOf(h, "json") }]);
  const one = await generate(h, PROMPT, { max_new_tokens: 1 });
  const two = await generate(h, `${PROMPT}jsonp`);
  assert.deepEqual(two.posted, [...one.posted, ...one.ids, ...idsOf(h, "p")]);
  assert.notDeepEqual(idsOf(h, "jsonp"), [...idsOf(h, "json"), ...idsOf(h, "p")]);
});

for (
  const [name, closing] of [
    ["D7: written by the client with a line end", `${STOP}\n`],
    ["D7: written by the client", STOP],
    ["D8: another header stands in its place", "<|im_start|>tool\n"],
    ["D8: another stop token stands in its place", "<|endoftext|>"],
  ] as const
) {
  Deno.test(`TITO ${name}: the sampled stop token is neither doubled nor lost`, async () => {
    await using h = await scripted(() => ["HAVING"]);
    const one = await generate(h, PROMPT);
    assert.deepEqual(one.meta.finish_reason, { type: "stop", matched: idsOf(h, STOP)[0] });
    const next = `${PROMPT}HAVING${closing}rest`;
    const two = await generate(h, next);
    assert.equal(h.loaded.tokenizer.decode(two.posted), next);
    const kept = closing.startsWith(STOP) ? one.ids : one.ids.slice(0, -1);
    assert.deepEqual(two.posted.slice(0, one.posted.length + kept.length), [...one.posted, ...kept]);
  });
}

Deno.test("TITO D9: retrieve_from_text(prompt + text) gives every sampled token, the stop token too", async () => {
  const cases: readonly [params: JsonObject, text: string][] = [
    [{}, "HAVING json"],
    [{ no_stop_trim: true, skip_special_tokens: false }, `HAVING json${STOP}`],
    [{ stop: ["json"] }, "HAVING "],
    [{ max_new_tokens: 2 }, "HAVING"],
    [{ skip_special_tokens: false }, "HAVING json"],
  ];
  for (const [params, text] of cases) {
    await using h = await scripted(() => ["HAVING json"]);
    const one = await generate(h, PROMPT, params);
    assert.equal(one.text, text);
    const row = await retrieve(h, PROMPT + text);
    assert.deepEqual(row.tokens, [...one.posted, ...one.ids], JSON.stringify(params));
    assert.deepEqual(row.loss_mask, [...one.posted.map(() => 0), ...one.ids.map(() => 1)]);
    const logprobs = (one.meta.output_token_logprobs as [number, number][]).map(([logprob]) => logprob);
    assert.deepEqual(row.rollout_logp.slice(one.posted.length), logprobs);
  }
});

Deno.test("TITO D9: text in front of a stop string is not continued with the tokens behind it", async () => {
  await using h = await scripted(() => ["HAVING json"]);
  await generate(h, PROMPT, { stop: ["json"] });
  for (const next of [`${PROMPT}HAVING `, `${PROMPT}HAVING the`]) {
    const { posted } = await generate(h, next);
    assert.equal(h.loaded.tokenizer.decode(posted), next);
  }
});

Deno.test("TITO D10: special text in a prompt is one token, and BOS is never added", async () => {
  await using h = await scripted(() => ["x"]);
  const { posted } = await generate(h, `<|endoftext|>a${STOP}b`);
  assert.deepEqual(posted, [...h.loaded.tokenizer.encode("<|endoftext|>a<|im_end|>b")]);
  assert.equal(posted.length, 4);
});

Deno.test("TITO D11: a reply that ends in mid-character keeps its tokens", async () => {
  await using h = await scripted(({ loaded }) => [{ ids: [...loaded.tokenizer.encode("🚀")].slice(0, 1) }]);
  const one = await generate(h, PROMPT);
  assert.equal(one.text, "\ufffd");
  const two = await generate(h, `${PROMPT}\ufffd${STOP}\nmore`);
  assert.deepEqual(two.posted.slice(0, one.posted.length + 1), [...one.posted, ...one.ids]);
  assert.deepEqual((await retrieve(h, `${PROMPT}\ufffd`)).tokens, [...one.posted, ...one.ids]);
});

Deno.test("TITO D12: a reply cut by its length is continued behind its last token", async () => {
  await using h = await scripted((h) => [{ ids: [...idsOf(h, "HAV"), ...idsOf(h, "ING")] }]);
  const one = await generate(h, PROMPT, { max_new_tokens: 1 });
  assert.equal(one.meta.finish_reason.type, "length");
  const two = await generate(h, `${PROMPT}HAV${STOP}\n`);
  assert.deepEqual(two.posted, [...one.posted, ...one.ids, ...idsOf(h, `${STOP}\n`)]);
});

Deno.test("TITO D12: a stop token that came as the last one allowed is not doubled", async () => {
  await using h = await scripted(() => ["HAVING"]);
  const one = await generate(h, PROMPT, { max_new_tokens: 3 });
  assert.equal(one.meta.finish_reason.type, "length");
  assert.equal(one.ids.at(-1), idsOf(h, STOP)[0]);
  for (const closing of [`${STOP}\n`, "<|endoftext|>"]) {
    const { posted } = await generate(h, `${PROMPT}HAVING${closing}`);
    assert.equal(h.loaded.tokenizer.decode(posted), `${PROMPT}HAVING${closing}`);
  }
});

Deno.test("TITO D13: a weight update in mid-reply gives each token the version that sampled it", async () => {
  for (const stream of [false, true]) {
    await using h = await scripted(() => ["hello world json"], { engine: { weightVersion: "7" } });
    Object.assign(h.engines[0]!.faults.versionBump, { next: 1, afterTokens: 2, version: "9" });
    await (await h.post("/generate", { text: PROMPT, stream })).text();
    const row = await retrieve(h, `${PROMPT}hello world json`);
    const sampled = row.generation_versions.filter((_, i) => row.loss_mask[i] === 1);
    assert.deepEqual(sampled, [7, 7, 9, 9].slice(0, sampled.length));
    assert.ok(row.generation_versions.every((version, i) => row.loss_mask[i] === 1 || version === -1));
  }
});

Deno.test("TITO D14: behind the client's edit no sampled id is reused", async () => {
  await using h = await scripted((h) => [{ ids: [...idsOf(h, "H", "AVING"), ...idsOf(h, STOP)] }]);
  const one = await generate(h, PROMPT);
  const edited = `${PROMPT}HaVING${STOP}\n${chatPrompt("go on")}`;
  const two = await generate(h, edited);
  assert.deepEqual(two.posted, [...one.posted, ...h.loaded.tokenizer.encode(edited.slice(PROMPT.length))]);
  assert.ok((await retrieve(h, edited)).loss_mask.every((bit) => bit === 0));
});

Deno.test("TITO D16: what the engine did not tell is null, never 0 or a guess", async () => {
  await using h = await createHarness({
    wrapFetch: (fetch) => async (input, init) => {
      const reply = await (await fetch(input, init)).json();
      reply.meta_info.output_token_logprobs[0][0] = null;
      delete reply.meta_info.weight_versions;
      delete reply.meta_info.weight_version;
      return Response.json(reply);
    },
    engine: { script: () => "HAVING", splitProbability: 0 },
  });
  await h.postOk("/generate", { text: PROMPT });
  const row = await retrieve(h, `${PROMPT}HAVING`);
  assert.equal(row.rollout_logp.at(-3), null);
  assert.equal(typeof row.rollout_logp.at(-1), "number");
  assert.deepEqual(row.generation_versions.slice(-3), [null, null, null]);
});

Deno.test("TITO D18: a reply that the client left is no sample", async () => {
  await using h = await scripted(() => ["HAVING"]);
  const response = await h.post("/generate", { text: PROMPT, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assert.equal(h.router.cache!.stats().entries, 0);
  assert.ok((await retrieve(h, `${PROMPT}HAVING`)).loss_mask.every((bit) => bit === 0));
});

Deno.test("TITO D23: siblings with equal text keep their own ids and logprobs (sibling corruption)", async () => {
  await using h = await scripted((h) => [
    { ids: [...idsOf(h, "H", "AVING"), ...idsOf(h, STOP)], logprobs: [-1, -2, -3] },
    { ids: [...idsOf(h, "HAV", "ING"), ...idsOf(h, STOP)], logprobs: [-4, -5, -6] },
    "x",
  ]);
  const sessions = [{ "x-session-id": "a" }, { "x-session-id": "b" }];
  const turns = [];
  for (const headers of sessions) turns.push(await generate(h, PROMPT, {}, headers));
  for (const [i, headers] of sessions.entries()) {
    const row = await retrieve(h, `${PROMPT}HAVING`, headers);
    assert.deepEqual(row.tokens, [...turns[i]!.posted, ...turns[i]!.ids]);
    assert.deepEqual(row.rollout_logp.slice(-3), i === 0 ? [-1, -2, -3] : [-4, -5, -6]);
    const next = await generate(h, `${PROMPT}HAVING${STOP}\n`, {}, headers);
    assert.deepEqual(next.posted.slice(0, -1), row.tokens);
  }
  const other = await retrieve(h, `${PROMPT}HAVING`, { "x-session-id": "c" });
  assert.ok(other.loss_mask.every((bit) => bit === 0), "a third session has no sample of its own");
  assert.deepEqual(
    (await retrieve(h, `${PROMPT}HAVING`)).rollout_logp.slice(-3),
    [-4, -5, -6],
    "newest first",
  );
});

Deno.test("mid-word prompt extension: `say json x`, then `say jsonp`, is encoded as if the first had never been", async () => {
  await using h = await scripted(() => ["x"]);
  for (const text of ["say json x", "say json", "say jsonp", "say js"]) {
    const { posted } = await generate(h, text);
    assert.deepEqual(posted, [...h.loaded.tokenizer.encode(text)], text);
  }
});

Deno.test("a sampled segment is never cut: a prompt that leaves it in its midst is encoded from before it", async () => {
  await using h = await scripted(() => ["HAVING json hello"]);
  const one = await generate(h, PROMPT);
  const two = await generate(h, `${PROMPT}HAVING js`);
  assert.deepEqual(two.posted, [...one.posted, ...h.loaded.tokenizer.encode("HAVING js")]);
});
