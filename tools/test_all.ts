// deno-lint-ignore-file no-console
/**
 * The test command: everything that a change must pass, in one go.
 *
 * Usage: `deno task test`, or a part of it: `deno task test --only unit,layers`; `--verbose` prints what passing steps
 * wrote. Runs on the Deno that runs it: none needs to be on the PATH. The last line is `N passed, N failed`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { COVERAGE_FOLDER } from "./coverage_report.ts";
import { runSteps, type Step } from "./steps.ts";

/** What the type checker reads. */
const CHECKED = ["main.ts", "mod.ts", "src", "tests", "bench", "examples", "tools"];

/** Where examples are programs that run: the public face. Those of inner parts are sketches. */
const EXAMPLES = [
  "mod.ts",
  "src/app.ts",
  "src/config",
  "src/observability",
  "src/registry.ts",
  "src/sync",
  "src/trie",
];

/** Steps that run side by side: as many as the smallest machine has cores. */
const STEPS_AT_A_TIME = 2;

/** All steps, in the order in which they start. */
export const STEPS: readonly Step[] = [
  // First and alone: it fills node_modules, which all others read.
  { name: "dependencies", args: ["install", "--frozen"], alone: true },
  { name: "types", args: ["check", ...CHECKED] },
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "layers", args: ["run", "--allow-read", "tools/check_layers.ts"] },
  { name: "wasm", args: ["run", "-A", "tools/build_wasm.ts", "--check"] },
  { name: "as-pect", args: ["run", "-A", "tools/as_pect.ts"] },
  testStep("unit"),
  testStep("integration"),
  {
    name: "docs",
    args: ["test", "-A", "--doc", `--junit-path=${COVERAGE_FOLDER}/docs.xml`, ...EXAMPLES],
    junitPath: `${COVERAGE_FOLDER}/docs.xml`,
  },
  // Of the runtimes that the trie's package serves, those that any machine with this project has.
  { name: "runtimes", args: ["run", "-A", "tools/test_runtimes.ts", "--only", "deno,node"] },
  // Alone: these tests look at real processes and at how long things take.
  { ...testStep("e2e"), alone: true },
  { name: "coverage", args: ["run", "-A", "tools/coverage_report.ts"], alone: true },
];

function testStep(kind: "unit" | "integration" | "e2e"): Step {
  const folder = `${COVERAGE_FOLDER}/${kind}`;
  const junitPath = `${COVERAGE_FOLDER}/${kind}.xml`;
  return {
    name: kind,
    // Types are a step of their own.
    args: [
      "test",
      "-A",
      "--no-check",
      "--preload=tests/support/property_seed.ts",
      `--coverage=${folder}`,
      "--coverage-raw-data-only",
      `--junit-path=${junitPath}`,
      `tests/${kind}`,
    ],
    junitPath,
    coveragePath: folder,
  };
}

/** Steps by name, in their order; all without names. */
export function chooseSteps(names: readonly string[]): readonly Step[] {
  for (const name of names) {
    if (STEPS.some((step) => step.name === name)) continue;
    const known = STEPS.map((step) => step.name).join(", ");
    throw new RangeError(`Cannot run step "${name}": there is ${known}`);
  }
  return names.length === 0 ? STEPS : STEPS.filter((step) => names.includes(step.name));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { only: { type: "string", default: "" }, verbose: { type: "boolean", default: false } },
  });
  const steps = chooseSteps(values.only.split(",").filter((name) => name !== ""));
  const startedMs = performance.now();
  for (const step of steps) {
    for (const stale of [step.coveragePath, step.junitPath]) {
      if (stale) await Deno.remove(stale, { recursive: true }).catch(ignoreMissing);
    }
  }
  await Deno.mkdir(COVERAGE_FOLDER, { recursive: true });
  const { passed, failed } = await runSteps(steps, { atATime: STEPS_AT_A_TIME, verbose: values.verbose });
  console.log(`\n${steps.length} steps in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  Deno.exit(await main());
}
