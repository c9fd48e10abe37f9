// deno-lint-ignore-file no-console
/**
 * Reads the coverage data of the three kinds of tests, prints the table, and fails below the thresholds.
 *
 * Usage: `deno run -A tools/coverage_report.ts` after the tests of `tools/test_all.ts` ran.
 *
 * @module
 */
import {
  coverageRows,
  isExecutable,
  judgeCoverage,
  type Kind,
  type LineHits,
  mergeHits,
  parseLcov,
  renderCoverage,
  unexecuted,
} from "./coverage.ts";
import { exists, walkFiles } from "./files.ts";

/** Where the test command leaves the data of each kind. */
export const COVERAGE_FOLDER = "coverage";

async function hitsOf(kind: Kind): Promise<LineHits> {
  const folder = `${COVERAGE_FOLDER}/${kind}`;
  if (!await exists(folder) || await isEmpty(folder)) return new Map();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["coverage", "--lcov", "--include=/src/", folder],
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) throw new Error(`Cannot read coverage of ${kind}: ${new TextDecoder().decode(stderr)}`);
  return parseLcov(new TextDecoder().decode(stdout));
}

async function isEmpty(folder: string): Promise<boolean> {
  for await (const _entry of Deno.readDir(folder)) return false;
  return true;
}

/** Files that no test ever loads, with every line unexecuted. */
async function neverLoaded(loaded: LineHits): Promise<LineHits> {
  const files = new Map<string, ReadonlyMap<number, number>>();
  for await (const path of walkFiles("src", ".ts")) {
    if (loaded.has(path) || path.endsWith(".generated.ts")) continue;
    const source = await Deno.readTextFile(path);
    if (isExecutable(source)) files.set(path, unexecuted(source));
  }
  return files;
}

if (import.meta.main) {
  const [unit, integration, e2e] = await Promise.all([hitsOf("unit"), hitsOf("integration"), hitsOf("e2e")]);
  const loaded = mergeHits([unit, integration, e2e]);
  const missing = await neverLoaded(loaded);
  const reports = { unit, integration, e2e, whole: mergeHits([loaded, missing]) };
  const judgements = judgeCoverage(reports);
  console.log(renderCoverage(coverageRows(reports), judgements));
  for (const path of missing.keys()) console.log(`never loaded by a test: ${path}`);
  if (judgements.some((judgement) => !judgement.reached)) Deno.exit(1);
}
