import assert from "node:assert/strict";
import { assets, compileArgs } from "../../../tools/compile.ts";
import { exists } from "../../../tools/files.ts";
import { countOf } from "../../../tools/steps.ts";
import { chooseSteps, STEPS } from "../../../tools/test_all.ts";

Deno.test("countOf() counts the tests of a step, and at least one", () => {
  const junit = (tests: number, failures: number, errors = 0) =>
    `<?xml version="1.0"?>\n<testsuites name="deno test" tests="${tests}" failures="${failures}" errors="${errors}" time="1">`;
  const cases: [string, boolean, string, string, [number, number]][] = [
    ["a report", true, junit(38, 0), "", [38, 0]],
    ["a report with failures", false, junit(38, 2, 1), "", [35, 3]],
    ["a report goes before a summary", true, junit(38, 0), "1 passed, 0 failed", [38, 0]],
    ["a summary", true, "", "[Summary]: 6 pass, 0 fail, 6 total", [6, 0]],
    ["the last of several summaries", false, "", "1 passed, 0 failed\n7 passed, 2 failed", [7, 2]],
    ["a tool without tests", true, "", "Checked 90 files", [1, 0]],
    ["a tool that failed", false, "", "error", [0, 1]],
    ["a module that does not load", false, junit(0, 0), "", [0, 1]],
    ["a leak after all tests passed", false, junit(5, 0), "", [5, 1]],
  ];
  for (const [name, success, report, output, [passed, failed]] of cases) {
    assert.deepEqual(countOf(success, report, output), { passed, failed }, name);
  }
});

Deno.test("chooseSteps() takes steps by name, in their order", () => {
  assert.equal(chooseSteps([]), STEPS);
  assert.deepEqual(chooseSteps(["unit", "format"]).map(({ name }) => name), ["format", "unit"]);
  assert.throws(() => chooseSteps(["nope"]), /Cannot run step "nope": there is .*format/);
});

Deno.test("STEPS cover all that a change must pass, dependencies first and coverage last", () => {
  const names = STEPS.map(({ name }) => name);
  const expected = [
    "types",
    "format",
    "lint",
    "layers",
    "wasm",
    "as-pect",
    "unit",
    "integration",
    "docs",
    "runtimes",
    "e2e",
  ];
  for (const name of expected) assert.ok(names.includes(name), name);
  assert.equal(names[0], "dependencies");
  assert.equal(names.at(-1), "coverage");
  for (const step of [STEPS[0]!, STEPS.at(-1)!]) assert.equal(step.alone, true);
});

Deno.test("compileArgs() include what the program loads by URL", async () => {
  const include = await assets();
  assert.ok(include.includes("src/tokenizer/encode_worker.ts"), include.join());
  for (const path of include) assert.ok(await exists(path), path);
  const args = compileArgs({ include, target: "aarch64-apple-darwin" });
  assert.equal(args[0], "compile");
  assert.equal(args.at(-1), "main.ts");
  for (const path of include) assert.equal(args[args.indexOf(path) - 1], "--include");
  assert.equal(args[args.indexOf("--output") + 1], "dist/slime-router");
  assert.equal(args[args.indexOf("--target") + 1], "aarch64-apple-darwin");
  for (const permission of ["--allow-net", "--allow-write"]) assert.ok(args.includes(permission), permission);
});
