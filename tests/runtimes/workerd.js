/** Runs the cases in workerd, which compiles no bytes: the core comes as a module. */
import { runCases } from "./cases.js";

/** What only stands beside this file once it is in the worker: no checker is to look for it here. */
const beside = (name) => import(`./${name}`);

export default {
  async test() {
    const slime = await beside("mod.js");
    const { default: wasm } = await beside("trie.wasm");
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
