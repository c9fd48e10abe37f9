import assert from "node:assert/strict";
import { Command } from "commander";
import { addSimulateOptions, readSimulateOptions } from "../../../src/cli/simulate_options.ts";
import { ConfigError } from "../../../src/errors.ts";
import { simulatedEngineOptions } from "../../../src/engine/simulated/mod.ts";
import { tokenizer } from "../engine/simulated_support.ts";

function read(...args: string[]) {
  const command = new Command().exitOverride();
  addSimulateOptions(command);
  command.parse(["--tokenizer", "tok", ...args], { from: "user" });
  return readSimulateOptions(command);
}

Deno.test("simulate --protocol chooses whose protocol the engines speak, SGLang's without", () => {
  assert.equal(read().protocol, "sglang");
  const options = read("--protocol", "vllm");
  assert.equal(options.protocol, "vllm");
  assert.equal(simulatedEngineOptions(options, { tokenizer, chatTemplate: null }).protocol, "vllm");
});

Deno.test("simulate --protocol refuses another name and lists what there is", () => {
  assert.throws(() => read("--protocol", "tgi"), (error) => {
    return error instanceof ConfigError && /one of sglang, vllm, received "tgi"/.test(error.message);
  });
});
