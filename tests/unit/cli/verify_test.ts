import assert from "node:assert/strict";
import { TextLineStream } from "../../../src/cli/text_lines.ts";
import { verify } from "../../../src/cli/verify.ts";
import type { CliIo } from "../../../src/cli/io.ts";
import { createChatHarness } from "../../support/chat_harness.ts";

/** Runs the command over a file of these bytes. */
async function run(name: string, content: Uint8Array | string): Promise<{ code: number; out: string }> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/${name}`;
  let out = "";
  const io = { out: (text: string) => void (out += text) } as Partial<CliIo> as CliIo;
  try {
    await Deno.writeFile(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
    return { code: await verify({ file }, io), out };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("verify: exports of both formats and replies of /samples are ok; a changed id is a finding, and 1", async () => {
  await using h = await createChatHarness({ engine: { weightVersion: "1" } });
  await h.chat({ messages: [{ role: "user", content: "hello" }], max_tokens: 5 }, "a");
  const lines = await (await h.request("/export")).text();
  const safetensors = await (await h.request("/export?format=safetensors")).bytes();
  const samples = JSON.stringify(await h.samples("a"));
  for (
    const [name, content] of [["a.jsonl", lines], ["b.json", samples], [
      "c.safetensors",
      safetensors,
    ]] as const
  ) {
    const { code, out } = await run(name, content);
    assert.deepEqual([code, out.split(":")[0]], [0, "ok"], out);
  }
  const changed = await run("a.jsonl", lines.replace('"tokens":[', '"tokens":[7,'));
  assert.equal(changed.code, 1);
  assert.match(changed.out, /^line 1, session a, row 0: /);
  assert.match(changed.out, /not ok: 5 findings in /);
  assert.deepEqual((await run("empty.jsonl", "")).code, 1);
});

Deno.test("verify: a file that is not there is told in one line", async () => {
  const io = {} as CliIo;
  await assert.rejects(
    verify({ file: "/nowhere/x.jsonl" }, io),
    /Cannot read export .*there is no such file/,
  );
});

Deno.test("TextLineStream gives lines however the text is cut", async () => {
  const text = "one\n\ntwo words\nlast";
  for (let cut = 1; cut <= text.length; cut++) {
    const pieces = text.match(new RegExp(`[^]{1,${cut}}`, "g"))!;
    const lines = await Array.fromAsync(ReadableStream.from(pieces).pipeThrough(new TextLineStream()));
    assert.deepEqual(lines, ["one", "", "two words", "last"]);
  }
});
