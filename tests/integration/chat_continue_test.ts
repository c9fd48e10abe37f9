/** `continue_final_message`: what is sampled goes on with the last message, and the conversation with both. */
import assert from "node:assert/strict";
import type { JsonObject } from "../../src/types.ts";
import {
  assertMatchesWire,
  type ChatHarness,
  type ChatReply,
  createChatHarness,
} from "../support/chat_harness.ts";
import { loadTinyWithTemplate } from "../support/tiny_tokenizer.ts";
import type { HarnessOptions } from "../support/router_harness.ts";

const USER = { role: "user", content: "hello" };
const MORE = { role: "user", content: "on" };
const CONTINUE = { continue_final_message: true, add_generation_prompt: false };
const said = (content: string): JsonObject => ({ role: "assistant", content });

/** A gateway whose engine says these, one after the other, and then "fine". */
async function saying(texts: readonly string[], options: HarnessOptions = {}): Promise<ChatHarness> {
  return await createChatHarness({
    ...options,
    config: { reasoningParser: "think", ...options.config },
    engine: { script: ({ ordinal }) => texts[ordinal] ?? "fine", splitProbability: 0.6, ...options.engine },
  });
}

const ids = ({ promptIds, tokenIds }: ChatReply) => [...promptIds, ...tokenIds];

function startsWith(reply: ChatReply, known: readonly number[]): void {
  assert.deepEqual(reply.promptIds.slice(0, known.length), known);
}

/** The text of a prompt. */
const textOf = (h: ChatHarness, { promptIds }: ChatReply) =>
  h.loaded.tokenizer.decode(Uint32Array.from(promptIds));

/** Prints reasoning where it was. */
const WITH_REASONING = `{% for m in messages %}<|im_start|>{{ m.role }}\n` +
  `{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>\n` +
  `{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;

const ENGINES: readonly [engine: string, options: HarnessOptions][] = [
  ["sglang", {}],
  ["vllm", { engine: { protocol: "vllm" }, config: { engine: "vllm" } }],
  ["vllm-completions", {
    engine: { protocol: "vllm" },
    config: { engine: "vllm-completions", contextTokens: 10_000 },
  }],
];

/** Beginnings that a limit leaves: in content, in a character, in reasoning, in layout, in a delimiter. */
const WHOLE: readonly [name: string, text: string, tokens: number][] = [
  ["content", "one two three four five six", 9],
  ["a character", "ab 🚀🚀 cd", 5],
  ["reasoning", "<think>\nwell, let me see\n</think>\n\nyes", 9],
  ["white space", "one \n\n\n two", 6],
  ["what may be a delimiter", "<tool_call or not", 4],
];

for (const [engine, options] of ENGINES) {
  for (const [name, text, tokens] of WHOLE) {
    for (const stream of [false, true]) {
      Deno.test(`chat: a reply cut in ${name} goes on behind its own tokens: ${engine}${stream ? ", streamed" : ""}`, async () => {
        const rest = "and the rest of it";
        const deps = { tokenizer: await loadTinyWithTemplate(WITH_REASONING) };
        await using h = await saying([text, rest], { ...options, deps });
        const chat = stream ? h.chatStream : h.chat;
        const first = await chat({ messages: [USER], max_tokens: tokens }, "a");
        assert.equal(first.finishReason, "length");
        const second = await chat({ messages: [USER, first.message], ...CONTINUE }, "a");
        assert.deepEqual(second.promptIds, ids(first));
        assert.equal((second.body.slime as JsonObject).cause, null);

        const whole: JsonObject = { role: "assistant" };
        for (const field of ["content", "reasoning_content"]) {
          const told = `${first.message[field] ?? ""}${second.message[field] ?? ""}`;
          if (told !== "" || field === "content") whole[field] = told;
        }
        const third = await chat({ messages: [USER, whole, MORE] }, "a");
        startsWith(third, ids(second));
        const native = await h.samples("a");
        assert.equal(native.rows.length, 1);
        assert.equal(native.exported, native.captured);
        assert.deepEqual(native.rows[0]!.tokens, ids(third));
        if (engine === "sglang") assertMatchesWire(h.wire, native);
      });
    }
  }
}

Deno.test("chat: a message that goes on is told to its end once, as if it had come in one", async () => {
  for (const [name, text] of WHOLE) {
    await using plain = await saying([text]);
    const whole = await plain.chat({ messages: [USER] }, "a");
    const { tokenIds } = whole;
    for (let cut = 1; cut < tokenIds.length - 1; cut++) {
      await using h = await createChatHarness({
        config: { reasoningParser: "think" },
        engine: { script: ({ ordinal }) => ({ ids: tokenIds.slice(ordinal === 0 ? 0 : cut) }) },
      });
      const first = await h.chat({ messages: [USER], max_tokens: cut }, "a");
      const second = await h.chat({ messages: [USER, first.message], ...CONTINUE }, "a");
      for (const field of ["content", "reasoning_content"]) {
        const [beginning, rest] = [first, second].map(({ message }) => (message[field] ?? "") as string);
        // Half a character, or half a delimiter, was told when nothing came behind it, and is not taken back.
        const kept = beginning!.replace(/(\uFFFD|<\/?[a-z]*)$/, "");
        const expected = whole.message[field] ?? "";
        assert.ok([beginning! + rest!, kept + rest!].includes(expected as string), `${name}, cut at ${cut}`);
      }
    }
  }
});

Deno.test("chat: a message that ended goes on without its stop token, which is not trained", async () => {
  await using h = await saying(["one two", " three"]);
  const first = await h.chat({ messages: [USER] }, "a");
  const second = await h.chat({ messages: [USER, first.message], ...CONTINUE }, "a");
  assert.deepEqual(second.promptIds, ids(first).slice(0, -1));
  assert.equal(second.message.content, " three");
  const third = await h.chat({ messages: [USER, said("one two three"), MORE] }, "a");
  startsWith(third, ids(second));
  const native = await h.samples("a");
  assert.deepEqual(native.dropped, { trimmed: 1 });
  assertMatchesWire(h.wire, native);
});

Deno.test("chat: a message goes on several times, and every reply of it is trained once", async () => {
  await using h = await saying([
    "one two three four five six seven eight nine ten",
    " A B C",
    " D E F",
    " G",
  ]);
  let content = "";
  let known: readonly number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const messages = turn === 0 ? [USER] : [USER, said(content)];
    const reply = await h.chat({ messages, ...(turn === 0 ? {} : CONTINUE), max_tokens: 4 }, "a");
    startsWith(reply, known);
    known = reply.finishReason === "stop" ? ids(reply).slice(0, -1) : ids(reply);
    content += reply.message.content as string;
  }
  const last = await h.chat({ messages: [USER, said(content), MORE] }, "a");
  startsWith(last, known);
  const native = await h.samples("a");
  assert.equal(native.rows.length, 1);
  assertMatchesWire(h.wire, native);
});

Deno.test("chat: words of the client's go on as foreign context, and with the reply are one message", async () => {
  await using h = await saying(['"yes"}']);
  const prefill = '{"answer": ';
  const first = await h.chat({ messages: [USER, said(prefill)], ...CONTINUE }, "a");
  const { tokenizer } = h.loaded;
  const header = tokenizer.encode("<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n");
  assert.deepEqual(first.promptIds, [...header, ...tokenizer.encode(prefill)]);
  assert.equal(first.message.content, '"yes"}');
  const second = await h.chat({ messages: [USER, said(`${prefill}"yes"}`), MORE] }, "a");
  startsWith(second, ids(first));
  const native = await h.samples("a");
  const [row] = native.rows;
  assert.equal(native.rows.length, 1);
  const foreign = "f".repeat(tokenizer.encode(prefill).length);
  assert.ok(row!.provenance.startsWith(`${"p".repeat(header.length)}${foreign}s`), row!.provenance);
  assertMatchesWire(h.wire, native);
});

Deno.test("chat: a reply that the client rewrote goes on as the client's words, in a branch of its own", async () => {
  await using h = await saying(["one two three four", " six"]);
  const first = await h.chat({ messages: [USER], max_tokens: 5 }, "a");
  const edited = said(`${first.message.content} or`);
  const second = await h.chat({ messages: [USER, edited], ...CONTINUE }, "a");
  assert.equal((second.body.slime as JsonObject).cause, "edit");
  assert.ok(textOf(h, second).endsWith(`assistant\n${edited.content}`));
  const third = await h.chat({ messages: [USER, said(`${edited.content} six`), MORE] }, "a");
  startsWith(third, ids(second));
  assertMatchesWire(h.wire, await h.samples("a"));
});

Deno.test("chat: what a stop string hid is not gone on behind, for the client does not know it", async () => {
  await using h = await saying(["one two STOP three", "and"]);
  const first = await h.chat({ messages: [USER], stop: ["STOP"] }, "a");
  const second = await h.chat({ messages: [USER, first.message], ...CONTINUE }, "a");
  assert.ok(textOf(h, second).endsWith(`assistant\n${first.message.content}`), textOf(h, second));
  assertMatchesWire(h.wire, await h.samples("a"));
});

Deno.test("chat: samples of a message that goes on are siblings, and its retry is one", async () => {
  await using h = await saying(["one two three", " A", " B", " C"]);
  const first = await h.chat({ messages: [USER], max_tokens: 4 }, "a");
  const messages = [USER, first.message];
  const body = { messages, ...CONTINUE, n: 2, return_token_ids: true };
  const reply = await h.postOk("/sessions/a/v1/chat/completions", body);
  assert.deepEqual(reply.prompt_token_ids, ids(first));
  const retry = await h.chat({ messages, ...CONTINUE }, "a");
  assert.deepEqual(retry.promptIds, ids(first));
  assert.equal((retry.body.slime as JsonObject).cause, "retry");
  const native = await h.samples("a");
  assert.deepEqual(Object.keys(native.dropped), ["superseded"]);
  assertMatchesWire(h.wire, native);
});

Deno.test("chat: a message that went on is replayed under its idempotency key as it was told", async () => {
  await using h = await saying(["one two three", " four"]);
  const first = await h.chat({ messages: [USER], max_tokens: 4 }, "a");
  const body = JSON.stringify({ messages: [USER, first.message], ...CONTINUE, return_token_ids: true });
  const init = { headers: { "idempotency-key": "k" }, body };
  const once = await (await h.post("/sessions/a/v1/chat/completions", null, init)).json();
  const again = await (await h.post("/sessions/a/v1/chat/completions", null, init)).json();
  assert.deepEqual(again.choices, once.choices);
  assert.equal(again.choices[0].message.content, " four");
  assert.deepEqual(again.prompt_token_ids, once.prompt_token_ids);
  assert.equal(h.wire.length, 2);
});

Deno.test("chat: a message without a session's name goes on in the session of its reply", async () => {
  await using h = await saying(["one two three", " four"]);
  const first = await h.chat({ messages: [USER], max_tokens: 4 });
  const second = await h.chat({ messages: [USER, first.message], ...CONTINUE });
  assert.equal(second.sessionId, first.sessionId);
  assert.deepEqual(second.promptIds, ids(first));
});

/** Opens reasoning in the header, and leaves it out of what was said, as QwQ's template does. */
const THINKING = `{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}` +
  `{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}`;
/** Writes an empty block of reasoning before the last words, as Qwen3's template does. */
const EMPTY_BLOCK = `{% for m in messages %}<|im_start|>{{ m.role }}\n` +
  `{% if loop.last and m.role == "assistant" %}<think>\n\n</think>\n\n{% endif %}` +
  `{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;

Deno.test("chat: words of the client's stand where the template writes them", async (t) => {
  const cases: readonly [name: string, template: string, written: string][] = [
    ["a header that opens reasoning", THINKING, "assistant\nI say"],
    ["a block of reasoning before the last words", EMPTY_BLOCK, "assistant\n<think>\n\n</think>\n\nI say"],
  ];
  for (const [name, template, written] of cases) {
    await t.step(name, async () => {
      await using h = await saying([" yes"], { deps: { tokenizer: await loadTinyWithTemplate(template) } });
      const first = await h.chat({ messages: [USER, said("I say")], ...CONTINUE }, "a");
      assert.ok(textOf(h, first).endsWith(written), textOf(h, first));
      assert.deepEqual([first.message.content, first.message.reasoning_content], [" yes", undefined]);
      const second = await h.chat({ messages: [USER, said("I say yes"), MORE] }, "a");
      startsWith(second, ids(first));
      assertMatchesWire(h.wire, await h.samples("a"));
    });
  }
});

Deno.test("chat: words that the template leaves out are not gone on with", async () => {
  const template = `{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split("</think>")[-1] }}` +
    `<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;
  await using h = await saying([], { deps: { tokenizer: await loadTinyWithTemplate(template) } });
  const messages = [USER, said("<think>\nplan\n</think>\n\n")];
  const reply = await h.post("/v1/chat/completions", { messages, ...CONTINUE });
  assert.equal(reply.status, 400);
  assert.match((await reply.json()).error.message, /does not print all of it/);
});

Deno.test("chat: what cannot be gone on with is refused, with the reason", async (t) => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  const tools = [{ type: "function", function: { name: "f" } }];
  const cases: readonly [name: string, body: JsonObject, reason: RegExp][] = [
    ["a user's message", { messages: [USER] }, /needs an assistant's message at the end/],
    ["nothing before it", { messages: [said("x")] }, /and others before it/],
    ["calls", { messages: [USER, { ...said("x"), tool_calls: [call] }] }, /this one has calls/],
    [
      "a refusal",
      { messages: [USER, { role: "assistant", content: [{ type: "refusal", refusal: "no" }] }] },
      /of text/,
    ],
    ["a header too", { messages: [USER, said("x")], add_generation_prompt: true }, /begins a new message/],
    [
      "a forced call",
      { messages: [USER, said("x")], tools, tool_choice: "required" },
      /tool_choice "required"/,
    ],
    [
      "a limit on calls",
      { messages: [USER, said("x")], tools, parallel_tool_calls: false },
      /a limit on calls/,
    ],
    ["reasoning that the template leaves out", {
      messages: [USER, { ...said("x"), reasoning_content: "because" }],
    }, /does not print all of it/],
  ];
  await using h = await createChatHarness();
  for (const [name, body, reason] of cases) {
    await t.step(name, async () => {
      const reply = await h.post("/v1/chat/completions", { continue_final_message: true, ...body });
      const { error } = await reply.json();
      assert.equal(reply.status, 400, JSON.stringify(error));
      assert.match(error.message, reason);
    });
  }
  assert.equal(h.wire.length, 0);
});

Deno.test("chat: a message that ended with a stop token which the engine keeps to itself goes on behind its tokens", async () => {
  await using h = await saying(["one two", " three"], {
    wrapFetch: (fetch) => async (input, init) => {
      const reply = await fetch(input, init);
      const body = await reply.json();
      if (body.meta_info?.finish_reason?.type !== "stop") return Response.json(body);
      body.output_ids.pop();
      body.meta_info.output_token_logprobs.pop();
      body.meta_info.completion_tokens--;
      delete body.meta_info.weight_versions;
      return Response.json(body);
    },
  });
  const first = await h.chat({ messages: [USER] }, "a");
  const second = await h.chat({ messages: [USER, first.message], ...CONTINUE }, "a");
  assert.deepEqual(second.promptIds, ids(first));
});

Deno.test("chat: a reply whose words do not show, half a character or reasoning that the client drops, goes on and on", async () => {
  const text = "<think>well well well</think>🚀🚀 yes";
  await using plain = await saying([text], { engine: { splitProbability: 1 } });
  const { tokenIds } = await plain.chat({ messages: [USER] }, "a");
  let at = 0;
  await using h = await createChatHarness({
    config: { reasoningParser: "think" },
    engine: { script: () => ({ ids: tokenIds.slice(at) }) },
  });
  let content = "";
  let known: readonly number[] = [];
  for (; at < tokenIds.length; at++) {
    const messages = at === 0 ? [USER] : [USER, said(content)];
    const reply = await h.chat({ messages, ...(at === 0 ? {} : CONTINUE), max_tokens: 1 }, "a");
    if (at > 0) assert.deepEqual(reply.promptIds, known, `token ${at}`);
    known = ids(reply);
    content += reply.message.content as string;
  }
  assertMatchesWire(h.wire, await h.samples("a"));
});

Deno.test("chat: a limit behind a special token leaves it where it is, unless it closes the message", async () => {
  const cases: readonly [last: string, dropped: number][] = [["<|im_start|>", 0], ["<|im_end|>", 1]];
  for (const [last, dropped] of cases) {
    await using h = await saying([], {
      engine: {
        script: ({ ordinal }) => ({ ids: h.loaded.tokenizer.encode(ordinal === 0 ? `a${last}b` : "c") }),
      },
    });
    const first = await h.chat({ messages: [USER], max_tokens: 2 }, "a");
    assert.equal(first.tokenIds.at(-1), h.loaded.tokenizer.tokenToId(last));
    const second = await h.chat({ messages: [USER, first.message], ...CONTINUE }, "a");
    assert.deepEqual(second.promptIds, ids(first).slice(0, ids(first).length - dropped), last);
    assertMatchesWire(h.wire, await h.samples("a"));
  }
});
