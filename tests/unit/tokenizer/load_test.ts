import assert from "node:assert/strict";
import { TokenizerLoadError } from "../../../src/errors.ts";
import { loadTokenizer, loadTokenizerFromData } from "../../../src/tokenizer/load.ts";
import type { JsonObject } from "../../../src/types.ts";
import {
  AWKWARD_TOKENS,
  TINY_CHAT_TEMPLATE,
  tinyMetaspaceJson,
  tinyTokenizerConfig,
  tinyTokenizerJson,
} from "../../support/tiny_tokenizer.ts";

/** A folder with these files, for the time of `use`. */
async function withFolder(
  files: Record<string, string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TOKENIZER = JSON.stringify(tinyTokenizerJson());
const MESSAGES = [{ role: "user", content: "Hi" }];

Deno.test("loadTokenizer() reads a folder, or the file in it", async () => {
  const config = JSON.stringify(tinyTokenizerConfig());
  await withFolder({ "tokenizer.json": TOKENIZER, "tokenizer_config.json": config }, async (folder) => {
    for (const path of [folder, `${folder}/tokenizer.json`]) {
      const { tokenizer, chatTemplate, config } = await loadTokenizer(path);
      assert.equal(tokenizer.source, path);
      assert.equal(tokenizer.decode(tokenizer.encode("HAVING")), "HAVING");
      assert.equal(chatTemplate?.render({ messages: MESSAGES }), "<|im_start|>user\nHi<|im_end|>\n");
      assert.deepEqual(config.specialTokens, { eos_token: "<|im_end|>", pad_token: "<|endoftext|>" });
      tokenizer.close();
    }
  });
});

Deno.test("loadTokenizer() takes the chat template of chat_template.jinja, then .json, then the configuration", async () => {
  const sources: [string, Record<string, string>][] = [
    ["jinja", { "chat_template.jinja": "jinja", "chat_template.json": `{"chat_template": "json"}` }],
    ["json", { "chat_template.json": `{"chat_template": "json"}` }],
    ["config", {}],
  ];
  for (const [expected, files] of sources) {
    const config = `{"chat_template": "config"}`;
    await withFolder(
      { "tokenizer.json": TOKENIZER, "tokenizer_config.json": config, ...files },
      async (folder) => {
        const { tokenizer, chatTemplate } = await loadTokenizer(folder);
        assert.equal(chatTemplate?.render({ messages: [] }), expected);
        tokenizer.close();
      },
    );
  }
});

Deno.test("loadTokenizer() fills in special tokens from special_tokens_map.json", async () => {
  const map = `{"bos_token": {"content": "<s>"}, "eos_token": "</s>", "additional_special_tokens": ["<x>"]}`;
  const config = `{"eos_token": "<|im_end|>", "unk_token": null, "add_bos_token": true}`;
  const files = {
    "tokenizer.json": TOKENIZER,
    "special_tokens_map.json": map,
    "tokenizer_config.json": config,
  };
  await withFolder(files, async (folder) => {
    const { tokenizer, config } = await loadTokenizer(folder);
    assert.deepEqual(config.specialTokens, { bos_token: "<s>", eos_token: "<|im_end|>" });
    tokenizer.close();
  });
});

Deno.test("loadTokenizer() tells in one line what is wrong with the files", async () => {
  const cases: [string, Record<string, string>, RegExp][] = [
    ["nothing there", {}, /there is no .*tokenizer\.json$/],
    ["not JSON", { "tokenizer.json": `{"model"` }, /is not JSON/],
    ["no object", { "tokenizer.json": "[1]" }, /holds no JSON object$/],
    ["no model", { "tokenizer.json": "{}" }, /has no "model"$/],
    ["no vocabulary", { "tokenizer.json": `{"model": {"type": "BPE"}}` }, /has no "model.vocab"$/],
    ["bad id", { "tokenizer.json": `{"model": {"vocab": {"a": -1}}}` }, /gives "a" the id -1$/],
    [
      "bad added token",
      { "tokenizer.json": `{"model": {"vocab": {}}, "added_tokens": [{"id": 1}]}` },
      /added token/,
    ],
    [
      "bad configuration",
      { "tokenizer.json": TOKENIZER, "tokenizer_config.json": "{" },
      /config\.json is not JSON/,
    ],
    [
      "unknown model",
      { "tokenizer.json": `{"model": {"type": "Magic", "vocab": {"a": 0}}}` },
      /does not read/,
    ],
  ];
  for (const [name, files, message] of cases) {
    await withFolder(files, async (folder) => {
      await assert.rejects(loadTokenizer(folder), (error) => {
        assert.ok(error instanceof TokenizerLoadError, name);
        assert.match(error.message, message, name);
        assert.match(error.message, /^Cannot load tokenizer: [^\n]+$/, name);
        return true;
      });
    });
  }
  await assert.rejects(loadTokenizer("no/such/path"), TokenizerLoadError);
});

Deno.test("loadTokenizerFromData() takes the file as bytes, text or object", async () => {
  for (const tokenizer of [TOKENIZER, new TextEncoder().encode(TOKENIZER), tinyTokenizerJson()]) {
    const loaded = await loadTokenizerFromData({ source: "data", tokenizer });
    assert.equal(loaded.tokenizer.encode("HAVING").length, 2);
    assert.equal(loaded.chatTemplate, null);
    assert.equal(loaded.chatTemplateError, undefined);
    loaded.tokenizer.close();
  }
});

Deno.test("loadTokenizerFromData() stays of use when the chat template does not parse", async () => {
  const data = { source: "data", tokenizer: TOKENIZER, chatTemplate: "{% for %}" };
  const { tokenizer, chatTemplate, chatTemplateError } = await loadTokenizerFromData(data);
  assert.equal(chatTemplate, null);
  assert.match(chatTemplateError ?? "", /^Cannot parse the chat template default: /);
  tokenizer.close();
});

Deno.test("loadTokenizerFromData() picks the backend by the file, and says why", async () => {
  const cases: [string, JsonObject, string, RegExp][] = [
    ["byte-level BPE", tinyTokenizerJson(), "kitoken", /equal to huggingface on all probes/],
    ["Metaspace", tinyMetaspaceJson(), "huggingface", /BPE, not byte-level/],
    [
      "kitoken differs",
      tinyTokenizerJson(AWKWARD_TOKENS, { type: "Lowercase" }),
      "huggingface",
      /kitoken differs from huggingface on "/,
    ],
  ];
  for (const [name, tokenizer, backend, reason] of cases) {
    const loaded = await loadTokenizerFromData({ source: name, tokenizer });
    assert.equal(loaded.tokenizer.backend, backend, name);
    assert.match(loaded.backendReason, reason, name);
    loaded.tokenizer.close();
  }
});

Deno.test("loadTokenizerFromData() adds the tokens that only the configuration knows", async () => {
  const tokenizer = tinyTokenizerJson();
  const id = 400;
  const added = { content: "<extra>", lstrip: false, rstrip: false, normalized: false, special: true };
  const config = { added_tokens_decoder: { "400": added, "308": { ...added, content: "<|im_start|>" } } };
  const loaded = await loadTokenizerFromData({ source: "data", tokenizer, config });
  assert.deepEqual([...loaded.tokenizer.encode("<extra>")], [id]);
  assert.equal(loaded.tokenizer.vocabSize, id + 1);
  assert.equal(loaded.tokenizer.byteLength(id - 1), -1); // ids between are none
  assert.equal(loaded.tokenizer.isSpecial(id), true);
  loaded.tokenizer.close();
});

Deno.test("loadTokenizerFromData() reads named chat templates, tool_use for conversations with tools", async () => {
  const chat_template = [
    { name: "default", template: "plain" },
    { name: "tool_use", template: "tools" },
    { name: "rag", template: TINY_CHAT_TEMPLATE },
  ];
  const { tokenizer, chatTemplate } = await loadTokenizerFromData({
    source: "data",
    tokenizer: TOKENIZER,
    config: { chat_template },
  });
  assert.deepEqual(chatTemplate?.names, ["default", "tool_use", "rag"]);
  assert.equal(chatTemplate?.render({ messages: MESSAGES }), "plain");
  assert.equal(chatTemplate?.render({ messages: MESSAGES, tools: null }), "plain");
  assert.equal(chatTemplate?.render({ messages: MESSAGES, tools: [] }), "tools");
  tokenizer.close();
});
