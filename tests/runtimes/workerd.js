/** Runs the cases in workerd, which compiles no bytes: the core comes as a module. */
import * as slime from "./mod.js";
import { runCases } from "./cases.js";
import wasm from "./trie.wasm";

export default {
  async test() {
    const results = await runCases(slime, { wasm });
    try {
      await slime.createTokenTrie();
      results.failed.push("compiling bytes is allowed here: the case of a module is not tested");
    } catch {
      results.passed.push("without a module the refusal of the runtime is passed on");
    }
    // The only way out of a test worker.
    // deno-lint-ignore no-console
    console.log(JSON.stringify(results));
  },
};
