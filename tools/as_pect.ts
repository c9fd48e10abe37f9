/**
 * Runs the as-pect specs of `assembly/` under Deno: `deno task test:wasm`. Exits with 1 when one fails.
 *
 * as-pect's own command starts `node`, which need not be there; its library does not.
 *
 * @module
 */
import { asp } from "@as-pect/cli";
import process from "node:process";

process.chdir(new URL("..", import.meta.url).pathname);
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
