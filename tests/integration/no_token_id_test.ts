/** An engine that tells what is no token id: the reply is not recorded, whichever way it came, and that is counted. */
import assert from "node:assert/strict";
import type { Fetch, JsonObject } from "../../src/types.ts";
import { chatPrompt, createHarness, type HarnessOptions } from "../support/router_harness.ts";

/** Puts -5 in the place of the first id, beside log-probabilities that tell the right one. */
function wrongIds(fetch: Fetch): Fetch {
  return async (input, init) => {
    const reply = await fetch(input, init);
    const text = await reply.text();
    return new Response(text.replaceAll(/("(?:output_ids|token_ids)": ?\[)\d+/g, "$1-5"), reply);
  };
}

const CHAT: JsonObject = { messages: [{ role: "user", content: "hello" }], max_tokens: 5 };
const COMPLETION: JsonObject = { prompt: "hello", max_tokens: 5 };
const GENERATE: JsonObject = { text: chatPrompt("hello") };

/** The engine's own reply is passed on as it came; of what the router reads nothing is passed on. */
const WAYS: readonly [path: string, body: JsonObject, status: number, counted: readonly string[]][] = [
  ["/generate", GENERATE, 200, ['commit_refusals_total{reason="inconsistent reply"} 1', "generate stream"]],
  ["/v1/chat/completions", CHAT, 502, ["chat reply", "chat stream"]],
  ["/v1/completions", COMPLETION, 502, ["chat reply", "chat stream"]],
];

const ENGINES: readonly [engine: "sglang" | "vllm" | "vllm-completions", options: HarnessOptions][] = [
  ["sglang", {}],
  ["sglang", { engine: { incrementalStreaming: true } }],
  ["vllm", { engine: { protocol: "vllm" } }],
  ["vllm-completions", { engine: { protocol: "vllm" }, config: { contextTokens: 10_000 } }],
];

for (const [engine, options] of ENGINES) {
  for (const [path, body, status, counted] of WAYS) {
    if (path === "/generate" && engine !== "sglang") continue;
    for (const stream of [false, true]) {
      const how = `${path}${stream ? ", streamed" : ""}, ${engine} ${JSON.stringify(options.engine ?? {})}`;
      Deno.test(`a reply with a negative id is not recorded, and counted: ${how}`, async () => {
        await using h = await createHarness({
          ...options,
          config: { ...options.config, engine },
          wrapFetch: wrongIds,
        });
        const reply = await h.post(path, { ...body, stream });
        const text = await reply.text();
        assert.equal(reply.status, status);
        if (path !== "/generate") assert.match(text, /no token id at 0, received -5/);
        const metrics = await (await h.request("/metrics", { headers: { accept: "text/plain" } })).text();
        const counter = counted[stream ? 1 : 0]!;
        const line = counter.includes("{") ? counter : `parse_failures_total{what="${counter}"} 1`;
        assert.ok(
          metrics.includes(line),
          metrics.split("\n").filter((each) => /_total\{/.test(each)).join("\n"),
        );
        assert.ok(h.router.cache!.stats().tokens <= h.loaded.tokenizer.encode(chatPrompt("hello")).length);
      });
    }
  }
}
