import assert from "node:assert/strict";
import type { RouterConfig } from "../../src/config.ts";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";

const HELLO = { messages: [{ role: "user", content: "hello" }] };
const LIMITS = { script: () => "hello world" };

/** A gateway whose requests name no limit; `asked` are the questions to the workers, `limits` what was sent. */
async function harness(
  config: Partial<RouterConfig>,
  contexts: readonly number[],
  wrap = (fetch: Fetch) => fetch,
) {
  const asked: string[] = [];
  const limits: unknown[] = [];
  let engine = 0;
  const h = await createChatHarness({
    engines: contexts.length,
    engine: {
      protocol: "vllm",
      ...LIMITS,
      get contextLength() {
        return contexts[engine++ % contexts.length]!;
      },
    },
    config: { engine: "vllm-completions", ...config },
    wrapFetch: (fetch) => {
      const inner = wrap(fetch);
      return async (input, init) => {
        if (init?.body instanceof Uint8Array) {
          limits.push((JSON.parse(new TextDecoder().decode(init.body)) as JsonObject).max_tokens);
        } else asked.push(new URL(String(input)).pathname);
        return await inner(input, init);
      };
    },
  });
  return Object.assign(h, { asked, limits });
}

Deno.test("chat: vLLM's completions get the room in the context as their limit, which the engines are asked for once", async () => {
  await using h = await harness({}, [1_000, 600]);
  const first = await h.chat(HELLO);
  await h.chatStream(HELLO);
  assert.deepEqual(h.limits, [600 - first.promptIds.length, 600 - first.promptIds.length]);
  assert.deepEqual(h.asked, ["/v1/models", "/v1/models"]);
});

Deno.test("chat: several samples of vLLM need the context too, one does not", async () => {
  await using h = await harness({ engine: "vllm" }, [500]);
  await h.chat(HELLO);
  assert.equal(h.asked.length, 0);
  const { promptIds, body } = await h.chat({ ...HELLO, n: 2 });
  assert.deepEqual([(body.choices as unknown[]).length, h.limits.at(-1)], [2, 500 - promptIds.length]);
});

Deno.test("chat: a limit, or --context-tokens, needs no engine's word", async () => {
  await using h = await harness({ contextTokens: 300 }, [1_000]);
  const { promptIds } = await h.chat(HELLO);
  await h.chat({ ...HELLO, max_tokens: 7 });
  assert.deepEqual([h.limits, h.asked], [[300 - promptIds.length, 7], []]);
});

Deno.test("chat: SGLang's /get_server_info tells it as well; nobody's word is a 400 that says what to do, and asked again", async () => {
  let knows = false;
  const wrap = (fetch: Fetch): Fetch => async (input, init) => {
    const { pathname } = new URL(String(input));
    if (pathname === "/v1/models") return Response.json({ data: [{ id: "m" }] });
    if (pathname === "/get_server_info") return Response.json(knows ? { context_length: 400 } : {});
    return await fetch(input, init);
  };
  await using h = await harness({}, [1_000], wrap);
  const reply = await h.post("/v1/chat/completions", HELLO);
  assert.equal(reply.status, 400);
  assert.match((await reply.json()).error.message, /max_tokens.*--context-tokens/);
  knows = true;
  const { promptIds } = await h.chat(HELLO);
  assert.deepEqual(h.limits, [400 - promptIds.length]);
});
