import assert from "node:assert/strict";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";

/** Engines whose streams break off behind `chunks` chunks, as those of a worker that dies. */
function dyingAfter(chunks: number): (fetch: Fetch) => Fetch {
  return (fetch) => async (input, init) => {
    const response = await fetch(input, init);
    if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true) return response;
    const reader = response.body!.getReader();
    let left = chunks;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value } = left-- > 0 ? await reader.read() : { value: undefined };
        if (value !== undefined) return controller.enqueue(value);
        await reader.cancel();
        controller.error(new TypeError("the connection ended"));
      },
    }, { highWaterMark: 0 });
    return new Response(body, response);
  };
}

const BODY = { max_tokens: 12, ignore_eos: true, stream: true };
const PATHS: [path: string, body: JsonObject][] = [
  ["/sessions/a/v1/chat/completions", { ...BODY, messages: [{ role: "user", content: "hello" }] }],
  ["/v1/completions", { ...BODY, prompt: "hello" }],
];

Deno.test("chat: a worker that dies before its first token is a 502 that says so, and leaves no turn", async () => {
  for (const [path, body] of PATHS) {
    await using h = await createChatHarness({ wrapFetch: dyingAfter(0) });
    const reply = await h.post(path, body);
    const { error } = await reply.json();
    assert.equal(reply.status, 502, JSON.stringify(error));
    assert.deepEqual([error.type, error.code], ["server_error", "upstream_failed"]);
    assert.match(error.message, /the connection ended/);
    const { sessions } = await (await h.request("/sessions")).json() as { sessions: { turns: number }[] };
    assert.deepEqual(sessions.filter(({ turns }) => turns > 0), []);
  }
});

Deno.test("chat: a worker that dies in mid-stream ends the reply with an error frame of the worker's failure", async () => {
  for (const [path, body] of PATHS) {
    await using h = await createChatHarness({ wrapFetch: dyingAfter(3) });
    const reply = await h.post(path, body);
    assert.equal(reply.status, 200);
    const frames = (await reply.text()).trimEnd().split("\n\n");
    assert.equal(frames.at(-1), "data: [DONE]");
    const { error } = JSON.parse(frames.at(-2)!.replace(/^data: /, ""));
    assert.deepEqual([error.type, error.code], ["server_error", "upstream_failed"]);
    assert.match(error.message, /the connection ended/);
  }
});
