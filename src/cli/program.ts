/**
 * The command line: which commands there are, what they take, and which exit code each way of ending has.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { CONFIG_FILE_ENV, type RouterConfig } from "../config.ts";
import { ConfigError, TokenizerLoadError } from "../errors.ts";
import type { SimulateOptions } from "../engine/simulated/mod.ts";
import type { CliIo } from "./io.ts";
import { addServeOptions, readServeConfig } from "./serve_options.ts";
import { addSimulateOptions, readSimulateOptions } from "./simulate_options.ts";
import type { VerifyOptions } from "./verify.ts";
import { VERSION } from "./version.ts";

/** Exit codes. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

/** Settings of `demo`. */
export interface DemoOptions {
  /** Port of the router; 0 takes a free one. */
  readonly port: number;
  /** End after the conversation instead of serving on. */
  readonly once: boolean;
}

/** What the commands do; each resolves with its exit code. */
export interface Commands {
  serve(config: RouterConfig, io: CliIo): Promise<number>;
  simulate(options: SimulateOptions, io: CliIo): Promise<number>;
  demo(options: DemoOptions, io: CliIo): Promise<number>;
  verify(options: VerifyOptions, io: CliIo): Promise<number>;
}

/**
 * Runs the command that `io.args` name.
 *
 * @returns exit code: 0, 1 when the command failed, 2 when it was asked for wrongly; then one line told why
 */
export async function runProgram(commands: Commands, io: CliIo): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(commands, io, (result) => code = result);
  try {
    await program.parseAsync([...io.args], { from: "user" });
    return code;
  } catch (error) {
    return report(error, io);
  }
}

function report(error: unknown, io: CliIo): number {
  // Help and version end this way too; what there was to say, commander has written.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  io.err(`error: ${message.replace(/\s*\n\s*/g, " ")}\n`);
  return error instanceof ConfigError || error instanceof TokenizerLoadError ? EXIT.usage : EXIT.failure;
}

function createProgram(commands: Commands, io: CliIo, ended: (code: number) => void): Command {
  const program = prepared(new Command("slime-router"), io)
    .description(
      "HTTP router between RL agents and LLM inference workers that keeps the exact tokens of every text.",
    )
    .version(VERSION, "--version", "show the version")
    .helpOption("--help", "show this help")
    .helpCommand(false);

  const serve = prepared(program.command("serve"), io)
    .description("Route requests to inference workers.")
    .helpOption("--help", "show this help");
  addServeOptions(serve);
  serve.addHelpText(
    "after",
    `\nEach setting may also be given as a ${
      CONFIG_FILE_ENV.replace("CONFIG", "*")
    } variable or in the file that` +
      ` --config names.\nA flag goes before its variable, the variable before the file.`,
  );
  serve.action(async () => ended(await commands.serve(await readServeConfig(serve, io), io)));

  const simulate = prepared(program.command("simulate"), io)
    .description("Run inference engines without a model that speak SGLang's protocol, or vLLM's.")
    .helpOption("--help", "show this help");
  addSimulateOptions(simulate);
  simulate.action(async () => ended(await commands.simulate(readSimulateOptions(simulate), io)));

  const demo = prepared(program.command("demo"), io)
    .description("Watch a conversation pass through a router and two simulated engines, token by token.")
    .helpOption("--help", "show this help")
    .addOption(new Option("--port <n>", "port of the router (default: a free one)"))
    .option("--once", "end after the conversation instead of serving on");
  demo.action(async () => ended(await commands.demo(readDemoOptions(demo), io)));

  const verify = prepared(program.command("verify"), io)
    .description("Check an export: lengths, provenance, credit, and the hashes of the ids that were sent.")
    .helpOption("--help", "show this help")
    .argument("<file>", "native export: JSON lines, replies of /samples one a line, or .safetensors");
  verify.action(async (file: string) => ended(await commands.verify({ file }, io)));
  return program;
}

/** Errors end in a throw instead of the process, and take one line. */
function prepared(command: Command, io: CliIo): Command {
  return command.exitOverride().allowExcessArguments(false).configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text),
    outputError: (text, write) => write(`${text.trim().replace(/\s*\n\s*/g, " ")}\n`),
  });
}

function readDemoOptions(demo: Command): DemoOptions {
  const { port = "0", once = false } = demo.opts<{ port?: string; once?: boolean }>();
  if (!/^\d+$/.test(port) || Number(port) > 65_535) {
    throw new ConfigError(`Cannot use --port: must be an integer from 0 to 65535, received "${port}"`);
  }
  return { port: Number(port), once };
}
