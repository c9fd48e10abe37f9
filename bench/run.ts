/**
 * `deno task bench [trie|router|lock|chat|all] [--quick]`: every benchmark, as ratios within one run.
 *
 * @module
 */
import { printLine } from "./support/print.ts";

/** Benchmarks by the name they are asked for; loaded only when they run. */
const BENCHES: Readonly<Record<string, (options: { quick: boolean }) => Promise<void>>> = {
  trie: async (options) => await (await import("./trie.ts")).runTrieBench(options),
  lock: async (options) => await (await import("./lock.ts")).runLockBench(options),
  router: async (options) => await (await import("./router.ts")).runRouterBench(options),
  chat: async (options) => await (await import("./chat.ts")).runChatBench(options),
};
const QUICK = "--quick";
const USAGE = `deno task bench [${Object.keys(BENCHES).join("|")}|all] [${QUICK}]`;

const names = Deno.args.filter((arg) => arg !== QUICK);
const chosen = names.length === 0 || names.includes("all") ? Object.keys(BENCHES) : names;
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  printLine(
    `Cannot run benchmark ${unknown.map((name) => `"${name}"`).join(", ")}: there is none. Usage: ${USAGE}`,
  );
  Deno.exit(2);
}
for (const name of chosen) {
  await BENCHES[name]?.({ quick: Deno.args.includes(QUICK) });
  printLine();
}
