/**
 * Runs the as-pect specs of `assembly/` under Deno: `deno task test:wasm`. Exits with 1 when one fails.
 *
 * as-pect's own command starts `node`, which need not be there; its library does not.
 *
 * @module
 */
import { asp } from "@as-pect/cli";
import process from "node:process";

/** as-pect's summary, which it prints and does not return. */
const TESTS_LINE = /\[Tests\]: (\d+) \/ (\d+)/;

process.chdir(new URL("..", import.meta.url).pathname);
process.env.FORCE_COLOR ??= "0";
const { stdout } = process;
const write = stdout.write.bind(stdout);
stdout.write = function countTests(chunk: string | Uint8Array): boolean {
  const tests = TESTS_LINE.exec(String(chunk));
  if (tests === null) return write(chunk);
  const [passed, all] = [Number(tests[1]), Number(tests[2])];
  return write(`${passed} passed, ${all - passed} failed\n`);
};

await asp([
  "deno",
  "asp",
  "--no-logo",
  "--config",
  "assembly/as-pect.config.mjs",
  "--as-config",
  "assembly/as-pect.asconfig.json",
  "--summary",
  ...Deno.args,
]);
