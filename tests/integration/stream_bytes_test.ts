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

const END_MARK = "data: [DONE]\n\n";

/** A body whose pieces come when the test hands them over. */
function handedOver(): {
  wrapFetch: (fetch: Fetch) => Fetch;
  send(text: string): void;
  fail(): void;
  close(): void;
} {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (own) => void (controller = own) });
  return {
    wrapFetch: (fetch) => async (input, init) =>
      String(input).includes("/generate")
        ? new Response(body, { headers: EVENT_STREAM })
        : await fetch(input, init),
    send: (text) => controller.enqueue(new TextEncoder().encode(text)),
    fail: () => controller.error(new Error("connection reset")),
    close: () => controller.close(),
  };
}

for (const incrementalStreaming of [false, true]) {
  for (const end of ["[DONE]", "closed", "broken", "client leaves"] as const) {
    const kind = incrementalStreaming ? "incremental" : "cumulative";
    Deno.test(`a stream is recorded before its frame with the finish reason is handed over: ${kind}, then ${end}`, async () => {
      const engine = { splitProbability: 1, script: () => SCRIPT, incrementalStreaming };
      await using source = await createHarness({ engine });
      const sent = new TextDecoder().decode(await engineBytes(source, true));
      const frames = sent.slice(0, -END_MARK.length).split(/(?<=\n\n)/);
      const body = handedOver();
      await using h = await createHarness({ wrapFetch: body.wrapFetch });
      const pending = h.post("/generate", { text: PROMPT, stream: true });
      body.send(frames[0]!);
      const reader = (await pending).body!.pipeThrough(new TextDecoderStream()).getReader();
      let received = (await reader.read()).value!;
      for (const frame of frames.slice(1)) {
        assert.equal(h.router.cache!.stats().segments, 0, "the reply goes on");
        body.send(frame);
        received += (await reader.read()).value!;
      }
      assert.equal(received, frames.join(""));
      const row = await h.postOk("/retrieve_from_text", { text: PROMPT + SCRIPT });
      assert.equal(row.matched_length, row.token_length);
      assert.equal(h.router.cache!.stats().segments, 2);

      if (end === "[DONE]") body.send(END_MARK);
      if (end === "client leaves") await reader.cancel();
      else if (end === "broken") body.fail();
      else body.close();
      if (end === "broken") await assert.rejects(reader.read(), "the client sees it break");
      else if (end === "[DONE]") assert.equal((await reader.read()).value, END_MARK);
      else assert.equal((await reader.read()).done, true);
      if (end === "[DONE]") assert.equal((await reader.read()).done, true);
      assert.equal(h.router.cache!.stats().segments, 2);
      assert.equal(h.router.pool.totalInFlight, 0);
      const metrics = await (await h.request("/metrics")).text();
      assert.doesNotMatch(metrics, /parse_failures_total\{[^}]*\} [1-9]/);
    });
  }
}

Deno.test("a stream of n samples is recorded when the last of them has its finish reason", async () => {
  const frame = (index: number, ids: number[], finish_reason: unknown) => {
    const output_token_logprobs = ids.map((id) => [-0.5, id]);
    const meta_info = { finish_reason, completion_tokens: ids.length, output_token_logprobs };
    return `data: ${JSON.stringify({ text: "", index, output_ids: ids, meta_info })}\n\n`;
  };
  const body = handedOver();
  await using h = await createHarness({ wrapFetch: body.wrapFetch });
  const sampling_params = { n: 2, skip_special_tokens: false };
  const pending = h.post("/generate", { text: PROMPT, stream: true, sampling_params });
  const [a, b] = ["HAVING", "json"].map((text) => [...h.loaded.tokenizer.encode(text)]);
  const rows: [frame: string, segments: number][] = [
    [frame(0, a!.slice(0, 1), null), 0],
    [frame(0, a!, { type: "length" }), 0],
    [frame(1, b!.slice(0, 1), null), 0],
    [frame(1, b!, { type: "length" }), 3],
  ];
  body.send(rows[0]![0]);
  const reader = (await pending).body!.getReader();
  for (const [i, [text, segments]] of rows.entries()) {
    if (i > 0) body.send(text);
    await reader.read();
    assert.equal(h.router.cache!.stats().segments, segments, `after frame ${i}`);
  }
  body.close();
  assert.equal((await reader.read()).done, true);
});

Deno.test("a stream that ends with neither finish reason nor [DONE] is not recorded", async () => {
  await using source = await createHarness({ engine: { script: () => SCRIPT } });
  const sent = new TextDecoder().decode(await engineBytes(source, true));
  const frames = sent.slice(0, -END_MARK.length).split(/(?<=\n\n)/);
  const unfinished = new TextEncoder().encode(frames.slice(0, -1).join(""));
  await using h = await createHarness({ wrapFetch: replying([unfinished], EVENT_STREAM) });
  assert.deepEqual(await (await h.post("/generate", { text: PROMPT, stream: true })).bytes(), unfinished);
  assert.equal(h.router.cache!.stats().segments, 0);
});

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
