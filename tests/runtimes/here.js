/**
 * Runs the cases on the runtime that runs this file (Deno, Node, Bun), with the core inside the package and with the
 * `.wasm` beside it. Writes one line of JSON.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import * as slime from "../../dist/npm/mod.js";
import { runCases } from "./cases.js";

const bytes = await readFile(new URL("../../dist/npm/trie.wasm", import.meta.url));
const inside = await runCases(slime);
const beside = await runCases(slime, { wasm: await WebAssembly.compile(bytes) });
const results = {
  passed: [...inside.passed, ...beside.passed],
  failed: [...inside.failed, ...beside.failed.map((reason) => `with trie.wasm: ${reason}`)],
};
process.stdout.write(`${JSON.stringify(results)}\n`);
