/**
 * Runs the cases on the runtime that runs this file (Deno, Node, Bun), with the core inside the package and with the
 * `.wasm` beside it. Writes one line of JSON.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { runCases } from "./cases.js";

// By address: a checker that runs before the build does not look for it.
const built = (name) => new URL(`../../dist/npm/${name}`, import.meta.url);
const slime = await import(built("mod.js").href);
const bytes = await readFile(built("trie.wasm"));
const inside = await runCases(slime);
const beside = await runCases(slime, { wasm: await WebAssembly.compile(bytes) });
const results = {
  passed: [...inside.passed, ...beside.passed],
  failed: [...inside.failed, ...beside.failed.map((reason) => `with trie.wasm: ${reason}`)],
};
process.stdout.write(`${JSON.stringify(results)}\n`);
