import assert from "node:assert/strict";
import { CliFolder, CliProcess, runCli } from "../support/cli_process.ts";
import { TINY_CHAT_TEMPLATE, tinyTokenizerConfig } from "../support/tiny_tokenizer.ts";

const serve = (path: string) => [
  ...["serve", "--port", "0", "--log-format", "pretty", "--tokenizer", path, "--tito", "strict"],
];

async function withTemplate(folder: CliFolder, template: string | null): Promise<void> {
  const config = { ...tinyTokenizerConfig(), chat_template: template };
  await folder.write("tokenizer_config.json", JSON.stringify(config));
}

Deno.test("slime-router serve --tito strict ends with 2 and the smallest counterexample; a template that is kept is served", async () => {
  await using folder = await CliFolder.create();
  await withTemplate(folder, `{{- messages | length }}` + TINY_CHAT_TEMPLATE);
  const broken = await runCli(serve(folder.path));
  assert.deepEqual([broken.code, broken.out], [2, ""], broken.err);
  assert.match(
    broken.err,
    /error: Cannot certify the chat template \(--tito strict\): prompt changes in the conversation user, assistant, user: "1<.*" became "3<.*"\n$/,
  );

  await withTemplate(folder, null);
  const without = await runCli(serve(folder.path));
  assert.equal(without.code, 2);
  assert.match(without.err, /Cannot serve chat token-exactly: the tokenizer has no chat template/);

  await withTemplate(folder, TINY_CHAT_TEMPLATE);
  await using router = new CliProcess(serve(folder.path));
  const health = await fetch(`${await router.url()}/health`);
  assert.equal((await health.json()).status, "ok");
});
