/**
 * `slime-router simulate`: engines without a model until a signal ends them.
 *
 * @module
 */
import { type SimulateOptions, startSimulation } from "../engine/simulated/mod.ts";
import { ConfigError } from "../errors.ts";
import { ListenError, listenFailure } from "../platform/deno_serve.ts";
import { untilStopSignal } from "../platform/signals.ts";
import { loadTokenizer } from "../tokenizer/load.ts";
import type { CliIo } from "./io.ts";
import { EXIT } from "./program.ts";

/**
 * Runs the engines until SIGTERM or SIGINT.
 *
 * @returns the exit code
 * @throws ConfigError, TokenizerLoadError, ListenError before they serve
 */
export async function simulate(options: SimulateOptions, io: CliIo): Promise<number> {
  const { tokenizer, chatTemplate } = await loadTokenizer(options.tokenizer);
  try {
    const running = await startEngines(options, { tokenizer, chatTemplate });
    const stopped = untilStopSignal();
    for (const { served } of running) io.out(`simulated engine listening on ${served.url}\n`);
    await stopped;
    await Promise.all(running.map(({ served }) => served.shutdown()));
    return EXIT.ok;
  } finally {
    tokenizer.close();
  }
}

async function startEngines(options: SimulateOptions, assets: Parameters<typeof startSimulation>[1]) {
  try {
    return await startSimulation(options, assets);
  } catch (error) {
    // A knob that does not exist, or has another type or range.
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new ConfigError(`Cannot use --faults: ${error.message}`);
    }
    throw new ListenError(
      `Cannot listen on ${options.hostname}:${options.port} and following: ${listenFailure(error)}`,
      { cause: error },
    );
  }
}
