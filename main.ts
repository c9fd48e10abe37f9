/**
 * Command line of slime-router. `deno compile` makes the single binary of it.
 *
 * @module
 */
import { main } from "./src/cli/main.ts";

if (import.meta.main) Deno.exit(await main());
