import assert from "node:assert/strict";
import type { Fetch } from "../../src/types.ts";
import { chatPrompt, createHarness, type Harness } from "../support/router_harness.ts";

const PROMPT = chatPrompt("hello");
const SCRIPT = "HAVING 你好 🚀 json\n";

/** Replaces the engine's reply by `bytes` in pieces, with a header set. */
function replying(pieces: readonly Uint8Array<ArrayBuffer>[], headers: HeadersInit): (fetch: Fetch) => Fetch {
  return (fetch) => async (input, init) => {
    if (!String(input).includes("/generate")) return await fetch(input, init);
    return new Response(ReadableStream.from(pieces), { headers });
  };
}

function cut(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer>[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.slice(i * size, (i + 1) * size),
  );
}

async function engineBytes(h: Harness, stream: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const ids = [...h.loaded.tokenizer.encode(PROMPT)];
  const body = JSON.stringify({ input_ids: ids, stream, return_logprob: true });
  const response = await h.engines[0]!.fetch(new Request("http://e/generate", { method: "POST", body }));
  return await response.bytes();
}

const EVENT_STREAM = { "content-type": "text/event-stream; charset=utf-8" };

for (const incrementalStreaming of [false, true]) {
  const kind = incrementalStreaming ? "incremental" : "cumulative";
  Deno.test(`streaming passes byte for byte, ${kind} frames cut anywhere, and one record comes of each`, async () => {
    const engine = { splitProbability: 1, script: () => SCRIPT, incrementalStreaming };
    await using source = await createHarness({ engine });
    const sent = await engineBytes(source, true);
    let first: unknown = null;
    for (const size of [1, 2, 3, 5, 7, 64, 1_000, sent.length]) {
      await using h = await createHarness({ wrapFetch: replying(cut(sent, size), EVENT_STREAM) });
      const response = await h.post("/generate", { text: PROMPT, stream: true });
      assert.deepEqual(await response.bytes(), sent, `pieces of ${size}`);
      const { response: _, ...row } = await h.postOk("/retrieve_from_text", { text: PROMPT + SCRIPT });
      first ??= row;
      assert.deepEqual(row, first);
      assert.equal(h.router.cache!.stats().segments, 2);
    }
  });
}

Deno.test("stream and whole reply give one record", async () => {
  const rows: unknown[] = [];
  for (const [stream, incrementalStreaming] of [[false, false], [true, false], [true, true]] as const) {
    await using h = await createHarness({
      engine: { splitProbability: 1, script: () => SCRIPT, incrementalStreaming },
    });
    await (await h.post("/generate", { text: PROMPT, stream })).text();
    rows.push(await h.postOk("/retrieve_from_text", { text: PROMPT + SCRIPT }));
  }
  assert.deepEqual(rows[1], rows[0]);
  assert.deepEqual(rows[2], rows[0]);
});

Deno.test("a whole reply passes byte for byte, cut in mid-character, of known and unknown length", async () => {
  await using source = await createHarness({ engine: { script: () => SCRIPT } });
  const sent = await engineBytes(source, false);
  for (const headers of [{}, { "content-length": String(sent.length) }]) {
    const json = { "content-type": "application/json", ...headers } as HeadersInit;
    await using h = await createHarness({ wrapFetch: replying(cut(sent, 3), json) });
    const response = await h.post("/generate", { text: PROMPT });
    assert.deepEqual(await response.bytes(), sent);
    assert.equal(h.router.cache!.stats().segments, 2);
  }
});

Deno.test("a comment behind the last frame does not hide it (keep-alive of a proxy)", async () => {
  await using source = await createHarness({ engine: { script: () => "HAVING json" } });
  const text = new TextDecoder().decode(await engineBytes(source, true));
  const commented = new TextEncoder().encode(text.replace("data: [DONE]", ": keep-alive\n\ndata: [DONE]"));
  await using h = await createHarness({ wrapFetch: replying([commented], EVENT_STREAM) });
  await (await h.post("/generate", { text: PROMPT, stream: true })).text();
  const row = await h.postOk("/retrieve_from_text", { text: `${PROMPT}HAVING json` });
  assert.equal(row.matched_length, row.token_length);
});

Deno.test("no duplicate headers: server and date of the worker stay behind", async () => {
  await using h = await createHarness();
  h.engines[0]!.faults.duplicateHeaders.next = 1;
  const response = await h.post("/generate", { text: PROMPT });
  assert.equal(response.headers.get("server"), null);
  assert.equal(response.headers.get("date"), null);
  await response.text();
});

Deno.test("a thousand streams at once: each gets its bytes, nothing is left behind", async () => {
  await using h = await createHarness({ engines: 2, engine: { requestLogMax: 0 } });
  const texts = await Promise.all(
    Array.from({ length: 1_000 }, async (_, i) => {
      const body = { text: chatPrompt(`client ${i}`), stream: true, sampling_params: { max_new_tokens: 6 } };
      return await (await h.post("/generate", body)).text();
    }),
  );
  assert.ok(texts.every((text) => text.endsWith("data: [DONE]\n\n")));
  assert.equal(h.router.pool.totalInFlight, 0);
  assert.equal(h.router.cache!.stats().pinned, 0);
});
