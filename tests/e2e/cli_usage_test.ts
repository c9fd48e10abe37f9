import assert from "node:assert/strict";
import { CliFolder, runCli } from "../support/cli_process.ts";

Deno.test("slime-router ends with 2 and one clear line on bad usage, configuration or tokenizer", async (t) => {
  await using folder = await CliFolder.create();
  const badConfig = await folder.write("bad.json", '{"port": "8080"}');
  const broken = await folder.write("broken.json", "{");
  const noFactory = await folder.write("no_factory.ts", "export default 7;\n");
  const cases: { args: string[]; env?: Record<string, string>; message: RegExp }[] = [
    { args: ["--nope"], message: /^error: unknown option '--nope'$/ },
    { args: ["frobnicate"], message: /^error: unknown command 'frobnicate'$/ },
    {
      args: ["serve", "--prot", "1"],
      message: /^error: unknown option '--prot' \(Did you mean --port\?\)$/,
    },
    { args: ["serve", "--port"], message: /^error: option '--port <n>' argument missing$/ },
    {
      args: ["serve", "--port", "x"],
      message: /^error: Cannot use --port: must be an integer from 0 to 65535, received "x"$/,
    },
    {
      args: ["serve"],
      env: { SLIME_ROUTER_POLICY: "best" },
      message: /^error: Cannot use SLIME_ROUTER_POLICY: must be one of .*, received "best"$/,
    },
    {
      args: ["serve", "--config", badConfig],
      message:
        /^error: Cannot use "port" in .*bad\.json: must be an integer from 0 to 65535, received "8080"$/,
    },
    {
      args: ["serve"],
      env: { SLIME_ROUTER_CONFIG: `${folder.path}/none.json` },
      message: /^error: Cannot read configuration ".*none\.json": there is no such file$/,
    },
    {
      args: ["serve", "--tokenizer", folder.path + "/none"],
      message: /^error: Cannot load tokenizer: .*none/,
    },
    { args: ["serve", "--tokenizer", broken], message: /^error: Cannot load tokenizer/ },
    {
      args: ["serve", "--middleware", `${folder.path}/none.ts`],
      message: /^error: Cannot load middleware ".*none\.ts": Module not found/,
    },
    {
      args: ["serve", "--middleware", noFactory],
      message:
        /^error: Cannot load middleware ".*": its default export must be a function .*, received number$/,
    },
    { args: ["simulate"], message: /^error: Cannot simulate: --tokenizer is missing$/ },
    {
      args: ["simulate", "--tokenizer", folder.path, "--port", "0", "--faults", '{"nope": {}}'],
      message: /^error: Cannot use --faults: .*"nope"/,
    },
    { args: ["demo", "--port", "x"], message: /^error: Cannot use --port: .*, received "x"$/ },
  ];
  for (const { args, env = {}, message } of cases) {
    await t.step([...args, ...Object.keys(env)].join(" ").replaceAll(folder.path, "…"), async () => {
      const { code, out, err } = await runCli(args, env);
      assert.equal(code, 2, err);
      assert.equal(out, "");
      assert.match(err.trimEnd(), message);
      assert.equal(err.trimEnd().split("\n").length, 1);
    });
  }
});

Deno.test("slime-router --help and --version end with 0", async () => {
  const [help, serveHelp, version] = await Promise.all([
    runCli(["--help"]),
    runCli(["serve", "--help"]),
    runCli(["--version"]),
  ]);
  assert.deepEqual([help.code, serveHelp.code, version.code], [0, 0, 0]);
  for (const command of ["serve", "simulate", "demo", "verify"]) {
    assert.match(help.out, new RegExp(`^ +${command} `, "m"));
  }
  assert.match(serveHelp.out, /--max-cache-size <tokens>/);
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
});
