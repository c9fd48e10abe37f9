// deno-lint-ignore-file no-console
/**
 * Runs the steps of the test command: Deno subcommands, some at a time, each under its own heading and counted.
 *
 * @module
 */

/** One subcommand of this very Deno, so that no `deno` needs to be on the PATH. */
export interface Step {
  readonly name: string;
  readonly args: readonly string[];
  /** JUnit report that the step writes; its tests are counted. Without: the step counts as one test. */
  readonly junitPath?: string;
  /** Folder for coverage data, also of the processes that the tests start. */
  readonly coveragePath?: string;
  /** Runs while nothing else does: steps that measure time, or that others depend on. */
  readonly alone?: boolean;
}

/** Tests of one or several steps. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Most time of one step, several times what the longest takes on a slow machine: a step that hangs is a failure. */
const STEP_TIMEOUT_MS = 40 * 60_000;

/**
 * Runs the steps in order, `atATime` of them together, and prints what failing ones wrote.
 *
 * @returns the tests of all steps
 */
export async function runSteps(
  steps: readonly Step[],
  options: { readonly atATime: number; readonly verbose: boolean },
): Promise<Count> {
  const total = { passed: 0, failed: 0 };
  const running = new Set<Promise<void>>();
  for (const step of steps) {
    while (running.size >= (step.alone ? 1 : options.atATime)) await Promise.race(running);
    const done: Promise<void> = runStep(step, options.verbose).then((count) => {
      total.passed += count.passed;
      total.failed += count.failed;
      running.delete(done);
    });
    running.add(done);
    if (step.alone) await done;
  }
  await Promise.all(running);
  return total;
}

async function runStep(step: Step, verbose: boolean): Promise<Count> {
  console.log(`▶ ${step.name}`);
  const startedMs = performance.now();
  const { success, output } = await runDeno(step);
  const junit = step.junitPath ? await Deno.readTextFile(step.junitPath).catch(() => "") : "";
  const count = countOf(success, junit, output);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const heading = `${success ? "✔" : "✘"} ${step.name}: ${count.passed} passed, ${count.failed} failed`;
  if (verbose || !success) console.log(`\n── ${step.name} ${"─".repeat(60)}\n${output.trimEnd()}\n`);
  console.log(`${heading} (${seconds} s)`);
  return count;
}

async function runDeno(step: Step): Promise<{ success: boolean; output: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...step.args],
    env: {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      ...(step.coveragePath ? { DENO_COVERAGE_DIR: `${Deno.cwd()}/${step.coveragePath}` } : {}),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), STEP_TIMEOUT_MS);
  const { success, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  const ended = signal === "SIGKILL" ? `\nkilled after ${STEP_TIMEOUT_MS / 1_000} s\n` : "";
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) + ended };
}

/**
 * Tests of a step: those of its JUnit report, else those of a summary in its output, else the step as one test.
 * A step that failed without a failed test (a module that does not load, a leak) counts as one that failed.
 */
export function countOf(success: boolean, junit: string, output: string): Count {
  const { passed, failed } = junitCount(junit) ?? summaryCount(output) ?? { passed: 0, failed: 0 };
  if (!success && failed === 0) return { passed, failed: 1 };
  return passed + failed === 0 ? { passed: 1, failed: 0 } : { passed, failed };
}

/** `<testsuites tests="38" failures="1" errors="0" …>`. */
function junitCount(junit: string): Count | null {
  const root = /<testsuites\b[^>]*>/.exec(junit)?.[0];
  if (!root) return null;
  const attribute = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  return { passed: attribute("tests") - failed, failed };
}

/** The last `N passed, N failed` (`N pass, N fail` as as-pect has it). */
function summaryCount(output: string): Count | null {
  const last = [...output.matchAll(/(\d+) pass(?:ed)?,\s+(\d+) fail(?:ed)?/g)].at(-1);
  return last ? { passed: Number(last[1]), failed: Number(last[2]) } : null;
}
