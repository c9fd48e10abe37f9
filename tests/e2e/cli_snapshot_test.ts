import assert from "node:assert/strict";
import { CliFolder, CliProcess, runCli } from "../support/cli_process.ts";

const post = async (url: string, body: unknown) => {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
};

Deno.test("serve --snapshot goes on after a restart where it ended", async () => {
  await using folder = await CliFolder.create();
  const file = `${folder.path}/cache.snapshot`;
  await using engine = new CliProcess([
    "simulate",
    "--tokenizer",
    folder.path,
    "--port",
    "0",
    "--no-latency",
  ]);
  const flags = ["--tokenizer", folder.path, "--worker", await engine.url(), "--snapshot", file];
  const start = () => new CliProcess(["serve", "--port", "0", "--log-format", "pretty", ...flags]);
  const prompt = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n";
  let turn: string;
  let outputIds: number[];
  {
    await using router = start();
    const url = await router.url();
    await router.errMatch(/no snapshot .*cache\.snapshot.* yet/);
    const reply = await post(`${url}/generate`, { text: prompt, sampling_params: { max_new_tokens: 12 } });
    outputIds = reply.body.output_ids;
    turn = prompt + reply.body.text;
    const saved = await post(`${url}/snapshot`, {});
    assert.deepEqual([saved.status, saved.body.status], [200, "success"]);
    assert.equal(saved.body.bytes, (await Deno.stat(file)).size);
    await Deno.remove(file);
    router.kill("SIGTERM");
    const { code, err } = await router.ended();
    assert.equal(code, 0, err);
    assert.match(err, /saved snapshot/);
  }
  await using router = start();
  const url = await router.url();
  await router.errMatch(/loaded snapshot/);
  const next = `${turn}<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n`;
  const second = await post(`${url}/generate`, { text: next, sampling_params: { max_new_tokens: 4 } });
  assert.equal(second.status, 200);
  const kept = await post(`${url}/retrieve_from_text`, { text: turn, insert: false });
  assert.equal(kept.body.match_reason, "hit");
  assert.deepEqual(
    kept.body.tokens.filter((_: number, i: number) => kept.body.loss_mask[i] === 1),
    outputIds,
  );
  const { cache } = await fetch(`${url}/metrics`).then((response) => response.json());
  assert.ok(cache.cache_hits >= 2, JSON.stringify(cache));
});

Deno.test("serve with a damaged snapshot ends with code 2 and one line, and leaves the file", async () => {
  await using folder = await CliFolder.create();
  const file = await folder.write("cache.snapshot", "x".repeat(100));
  const { code, err } = await runCli(["serve", "--port", "0", "--tokenizer", folder.path], {
    SLIME_ROUTER_SNAPSHOT: file,
  });
  assert.equal(code, 2);
  const [line] = err.split("\n").filter((each) => each.includes("snapshot"));
  assert.match(line!, /Cannot load snapshot ".*cache\.snapshot": it does not begin like one/);
  assert.equal((await Deno.readTextFile(file)).length, 100);
});
