import assert from "node:assert/strict";
import { openTokenizer } from "../../src/platform/deno_router.ts";
import { ConfigError } from "../../src/errors.ts";
import { loadTokenizerFromData } from "../../src/tokenizer/load.ts";
import type { JsonObject } from "../../src/types.ts";
import { createChatHarness } from "../support/chat_harness.ts";
import { tinyTokenizerConfig, tinyTokenizerJson } from "../support/tiny_tokenizer.ts";

const TOOLS = [{ type: "function", function: { name: "look", parameters: {} } }];
const BODY: JsonObject = { messages: [{ role: "user", content: "hello" }], max_tokens: 5 };
const TURNS = `{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content or '' }}` +
  `{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}<|im_end|>\n{% endfor %}` +
  `{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`;

async function harnessWith(template: string, tito: "report" | "strict" = "strict") {
  const config = { ...tinyTokenizerConfig(), chat_template: template };
  const tokenizer = await loadTokenizerFromData(
    { source: "blind", tokenizer: tinyTokenizerJson(), config },
    { worker: false },
  );
  return await createChatHarness({ deps: { tokenizer }, config: { tito } });
}

Deno.test("chat: strict: tools that the template does not print are a 400 that says what to do, unless none are to be called", async () => {
  await using h = await harnessWith(TURNS);
  const cases: [JsonObject, number][] = [
    [{ tools: TOOLS }, 400],
    [{ tools: TOOLS, tool_choice: "auto" }, 400],
    [{ tools: TOOLS, tool_choice: "none" }, 200],
    [{ tools: [] }, 200],
    [{}, 200],
  ];
  for (const [more, status] of cases) {
    const reply = await h.post("/v1/chat/completions", { ...BODY, ...more });
    const { error } = await reply.json();
    assert.equal(reply.status, status, JSON.stringify(more));
    if (status === 200) continue;
    assert.deepEqual([error.type, error.param], ["invalid_request_error", "tools"]);
    assert.match(error.message, /prints no tools.*--chat-template PATH/);
  }
  assert.equal(h.wire.length, 3);
});

Deno.test("chat: tools that the template does not print are served and counted", async () => {
  await using h = await harnessWith(TURNS, "report");
  for (const more of [{ tools: TOOLS }, { tools: TOOLS, tool_choice: "none" }, {}, { tools: TOOLS }]) {
    await h.postOk("/v1/chat/completions", { ...BODY, ...more });
  }
  const metrics = await (await h.request("/metrics", { headers: { accept: "text/plain" } })).text();
  assert.match(metrics, /^slime_router_tools_unseen_total 2$/m);
});

Deno.test("chat: a template that prints tools only when a variable says so is asked with the request's own", async () => {
  await using h = await harnessWith(`{% if show and tools %}{{ tools | tojson }}{% endif %}${TURNS}`);
  const ask = async (more: JsonObject) =>
    (await h.post("/v1/chat/completions", { ...BODY, tools: TOOLS, ...more })).status;
  assert.deepEqual([await ask({}), await ask({ chat_template_kwargs: { show: true } })], [400, 200]);
});

Deno.test("chat: a template that refuses the conversation says so itself", async () => {
  await using h = await harnessWith(
    `{% if messages[0].content != 'probe' %}{{ raise_exception('not like this') }}{% endif %}${TURNS}`,
    "report",
  );
  const reply = await h.post("/v1/chat/completions", { ...BODY, tools: TOOLS });
  assert.match((await reply.json()).error.message, /not like this/);
});

Deno.test("openTokenizer() --chat-template stands in for the tokenizer's own; what cannot is told at the start", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = (name: string) => `${folder}/${name}`;
    await Deno.writeTextFile(path("tokenizer.json"), JSON.stringify(tinyTokenizerJson()));
    await Deno.writeTextFile(path("tokenizer_config.json"), JSON.stringify(tinyTokenizerConfig()));
    await Deno.writeTextFile(path("own.jinja"), "own {{ messages[0].content }}");
    await Deno.writeTextFile(path("broken.jinja"), "{% if %}");
    const open = (chatTemplate: string | null, tokenizer: string | null = folder) =>
      openTokenizer({ tokenizer, chatTemplate, tokenizerBackend: "auto", prewarm: false });
    const loaded = await open(path("own.jinja"));
    assert.equal(loaded?.chatTemplate?.render({ messages: [{ role: "user", content: "hi" }] }), "own hi");
    loaded?.tokenizer.close();
    const refused: [string, string | null, RegExp][] = [
      [path("absent.jinja"), folder, /Cannot read --chat-template .*absent\.jinja/],
      [path("broken.jinja"), folder, /Cannot use --chat-template .*broken\.jinja/],
      [path("own.jinja"), null, /needs --tokenizer/],
    ];
    for (const [template, tokenizer, message] of refused) {
      await assert.rejects(open(template, tokenizer), (error: Error) => {
        assert.match(error.message, message);
        return error instanceof ConfigError;
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
