import assert from "node:assert/strict";
import { CliProcess, runCli } from "../support/cli_process.ts";

Deno.test("demo --once shows that every promise holds and ends with 0", async () => {
  const { code, out, err } = await runCli(["demo", "--once"]);
  assert.equal(code, 0, out + err);
  assert.ok(!out.includes("FAILED"));
  assert.ok(!out.includes("\u001b"), "plain lines where nobody watches");
  assert.equal(out.match(/^ok /gm)?.length, 5);
  const parts = [
    /listening on http:\/\//,
    /sampled under weight version 7/,
    /sampled under weight version 8/,
    /^ +1 {2}prompt +151644 +- +0 +- {2}"<\|im_start\|>"$/m,
    /^ +1 {2}sampled +\d+ +-\d+\.\d{4} +1 +7 {2}/m,
    /^ +2 {2}sampled +\d+ +-\d+\.\d{4} +1 +8 {2}/m,
    /more prompt tokens/,
    /sampled as .*\n +encoding gives /,
    /turn 2's prompt begins with turn 1's prompt \+ output/,
    /entries \d+, tokens \d+, hits \d+/,
  ];
  for (const part of parts) assert.match(out, part);
});

Deno.test("demo serves on until a signal, with commands to copy", async () => {
  await using demo = new CliProcess(["demo"]);
  const url = await demo.url();
  await demo.outMatch(/curl -s http.*\/list_workers/);
  const { urls } = await fetch(`${url}/list_workers`).then((response) => response.json());
  assert.equal(urls.length, 2);
  demo.kill("SIGINT");
  assert.equal((await demo.ended()).code, 0);
});
