/**
 * `deno task bench [trie|router|lock|all] [--quick]`: every benchmark, as ratios within one run.
 *
 * @module
 */
import { printLine } from "./support/print.ts";

/** One benchmark by the name it is asked for. */
interface Bench {
  readonly module: string;
  readonly entry: string;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  trie: { module: "./trie.ts", entry: "runTrieBench" },
  lock: { module: "./lock.ts", entry: "runLockBench" },
  router: { module: "./router.ts", entry: "runRouterBench" },
};
const USAGE = `Usage: deno task bench [${Object.keys(BENCHES).join("|")}|all] [--quick]`;

async function runBench({ module, entry }: Bench, quick: boolean): Promise<void> {
  const exports = await import(module) as Record<string, (options: { quick: boolean }) => Promise<void>>;
  await exports[entry]?.({ quick });
}

const names = Deno.args.filter((arg) => arg !== "--quick");
const chosen = names.length === 0 || names.includes("all") ? Object.keys(BENCHES) : names;
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  printLine(`Cannot run benchmark ${unknown.map((name) => `"${name}"`).join(", ")}: there is none. ${USAGE}`);
  Deno.exit(2);
}
for (const name of chosen) {
  await runBench(BENCHES[name] as Bench, Deno.args.includes("--quick"));
  printLine();
}
