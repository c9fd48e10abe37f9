/**
 * One seed for every property test of a run, so that the test command says the same of the same code: preloaded by
 * `tools/test_all.ts`. Without it, as in `deno task test:nightly`, each run draws cases of its own.
 *
 * `SLIME_ROUTER_TEST_SEED` chooses another seed.
 *
 * @module
 */
import fc from "fast-check";

const DEFAULT_SEED = 20_261_123;

fc.configureGlobal({ seed: Number(Deno.env.get("SLIME_ROUTER_TEST_SEED") ?? DEFAULT_SEED) });
