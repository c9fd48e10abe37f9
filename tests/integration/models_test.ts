import assert from "node:assert/strict";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { createHarness } from "../support/router_harness.ts";

/** Workers answer `/v1/models` as told, by host; null: they cannot be reached. */
function answering(answers: Record<string, unknown>) {
  return (fetch: Fetch): Fetch => async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const answer = answers[url.hostname];
    if (url.pathname !== "/v1/models" || answer === undefined) return await fetch(input, init);
    if (answer === null) throw new TypeError("connection refused");
    return answer instanceof Response ? answer.clone() : Response.json(answer);
  };
}

async function list(answers: Record<string, unknown>, path = "/v1/models") {
  await using h = await createHarness({ engines: 3, wrapFetch: answering(answers) });
  const reply = await h.request(path);
  return { status: reply.status, body: await reply.json() as JsonObject };
}

Deno.test("/v1/models: what the workers serve, each model once, with what OpenAI's clients expect", async () => {
  const { status, body } = await list({
    "engine-0": { object: "list", data: [{ id: "Qwen/Qwen3-8B", max_model_len: 4_096 }, { id: "lora" }] },
    "engine-1": { data: [{ id: "Qwen/Qwen3-8B", object: "model", created: 9, owned_by: "vllm" }, {}, null] },
    "engine-2": null,
  });
  const base = { object: "model", created: 0, owned_by: "slime-router" };
  assert.equal(status, 200);
  assert.deepEqual(body, {
    object: "list",
    data: [{ ...base, id: "Qwen/Qwen3-8B", max_model_len: 4_096 }, { ...base, id: "lora" }],
  });
});

Deno.test("/v1/models: without an answer of use there is one model, named after the tokenizer", async () => {
  const broken = [null, new Response("no", { status: 500 }), new Response("no JSON"), { data: 1 }, []];
  for (const answer of broken) {
    const { body } = await list({ "engine-0": answer, "engine-1": answer, "engine-2": answer });
    assert.deepEqual((body.data as JsonObject[]).map(({ id }) => id), ["tiny"]);
  }
  await using none = await createHarness({ engines: 0 });
  assert.equal((await none.request("/v1/models")).status, 200);
});

Deno.test("/v1/models/{id}: one of them, slashes and all, below a session too; an unknown one is a 404", async () => {
  const answers = { "engine-0": { data: [{ id: "Qwen/Qwen3-8B" }] } };
  for (const name of ["Qwen/Qwen3-8B", "Qwen%2FQwen3-8B"]) {
    for (const base of ["", "/sessions/a"]) {
      const { status, body } = await list(answers, `${base}/v1/models/${name}`);
      assert.deepEqual([status, body.id, body.object], [200, "Qwen/Qwen3-8B", "model"], name);
    }
  }
  const { status, body } = await list(answers, "/v1/models/other");
  const { code, type, param } = body.error as JsonObject;
  assert.deepEqual([status, code, type, param], [404, "model_not_found", "not_found_error", "model"]);
});

Deno.test("/v1/models: a missing key and a wrong method are errors in OpenAI's shape", async () => {
  await using h = await createHarness({ config: { apiKey: "key" } });
  for (const path of ["/v1/models", "/v1/models/a/b", "/sessions/a/v1/models"]) {
    const reply = await h.request(path);
    assert.deepEqual([reply.status, (await reply.json()).error.type], [401, "authentication_error"]);
    const headers = { authorization: "Bearer key" };
    const wrong = await h.request(path, { method: "POST", headers });
    assert.deepEqual([wrong.status, (await wrong.json()).error.type], [405, "invalid_request_error"]);
  }
});

Deno.test("/v1/models: by --chat proxy it is a worker's own answer", async () => {
  await using h = await createHarness({ config: { chat: "proxy" } });
  const { data } = await (await h.request("/v1/models")).json();
  assert.equal(data[0].owned_by, "simulated");
});
