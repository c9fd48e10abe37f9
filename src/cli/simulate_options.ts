/**
 * Flags of `simulate`.
 *
 * @module
 */
import { type Command, Option } from "commander";
import {
  defaultSimulateOptions,
  type FaultSettings,
  SIMULATED_PROTOCOLS,
  type SimulatedProtocol,
  type SimulateOptions,
} from "../engine/simulated/mod.ts";
import { ConfigError } from "../errors.ts";

type NumberKey = {
  [Key in keyof SimulateOptions]: SimulateOptions[Key] extends number ? Key : never;
}[keyof SimulateOptions];

/** A number with its range. */
interface NumberFlag {
  readonly flag: string;
  readonly key: NumberKey;
  readonly help: string;
  readonly min: number;
  readonly max: number;
  /** Default true. */
  readonly integer?: boolean;
}

const COUNT_MAX = 2 ** 31 - 1;
const ENGINES_MAX = 64;

const NUMBER_FLAGS: readonly NumberFlag[] = [
  { flag: "--port", key: "port", help: "port of the first engine; 0: any free ones", min: 0, max: 65_535 },
  { flag: "--count", key: "count", help: "engines, on ports one after another", min: 1, max: ENGINES_MAX },
  { flag: "--seed", key: "seed", help: "decides every token and logprob", min: 0, max: COUNT_MAX },
  {
    flag: "--split-probability",
    key: "splitProbability",
    help: "chance of a token to be sampled as smaller ones",
    min: 0,
    max: 1,
    integer: false,
  },
  {
    flag: "--prefill-tokens-per-second",
    key: "prefillTokensPerSecond",
    help: "speed of reading prompts",
    min: 1,
    max: COUNT_MAX,
    integer: false,
  },
  {
    flag: "--decode-ms-per-token",
    key: "decodeMsPerToken",
    help: "time of one sampled token",
    min: 0,
    max: 1_000_000,
    integer: false,
  },
  {
    flag: "--batch-slowdown",
    key: "batchSlowdown",
    help: "share of that time which each further request adds",
    min: 0,
    max: 1_000,
    integer: false,
  },
  {
    flag: "--stream-interval-tokens",
    key: "streamIntervalTokens",
    help: "tokens between two frames of a stream",
    min: 1,
    max: COUNT_MAX,
  },
  {
    flag: "--context-length",
    key: "contextLength",
    help: "prompt and output in tokens",
    min: 1,
    max: COUNT_MAX,
  },
  { flag: "--running-max", key: "runningMax", help: "requests that run at once", min: 1, max: COUNT_MAX },
  {
    flag: "--kv-cache-tokens",
    key: "kvCacheTokens",
    help: "size of the prefix cache; 0: none",
    min: 0,
    max: COUNT_MAX,
  },
  {
    flag: "--startup-ms",
    key: "startupMs",
    help: "time after the start in which everything answers 503",
    min: 0,
    max: COUNT_MAX,
  },
];

/** Adds the flags of `simulate`. */
export function addSimulateOptions(command: Command): void {
  const defaults = defaultSimulateOptions;
  command
    .addOption(new Option("--tokenizer <path>", "folder with tokenizer.json, or the file (required)"))
    .addOption(
      new Option(
        "--protocol <name>",
        `protocol to speak: ${SIMULATED_PROTOCOLS.join(" or ")} (default: ${defaults.protocol})`,
      ),
    )
    .addOption(new Option("--host <address>", `address to listen on (default: ${defaults.hostname})`));
  for (const { flag, key, help } of NUMBER_FLAGS) {
    command.addOption(
      new Option(`${flag} <n>`, `${help} (default: ${defaults[key as keyof typeof defaults]})`),
    );
  }
  command
    .addOption(new Option("--no-latency", "everything takes no time"))
    .addOption(new Option("--incremental-streaming", "frames carry what is new, not everything so far"))
    .addOption(
      new Option("--weight-version <name>", `version that replies tell (default: ${defaults.weightVersion})`),
    )
    .addOption(new Option("--model-path <name>", `name of the model (default: ${defaults.modelPath})`))
    .addOption(
      new Option("--faults <json>", 'what goes wrong, e.g. {"abortRunning": {"probability": 0.01}}'),
    );
}

/**
 * What the flags give.
 *
 * @throws ConfigError one line about the first bad value
 */
export function readSimulateOptions(command: Command): SimulateOptions {
  const given = command.opts<Record<string, string | boolean | undefined>>();
  const { tokenizer, host } = given;
  if (typeof tokenizer !== "string") throw new ConfigError("Cannot simulate: --tokenizer is missing");
  const numbers = NUMBER_FLAGS.flatMap((flag) => {
    const text = given[flag.key];
    return typeof text === "string" ? [[flag.key, readNumber(flag, text)]] : [];
  });
  return {
    ...defaultSimulateOptions,
    ...Object.fromEntries(numbers) as Partial<SimulateOptions>,
    tokenizer,
    ...(typeof host === "string" ? { hostname: host } : {}),
    ...(typeof given.protocol === "string" ? { protocol: readProtocol(given.protocol) } : {}),
    ...(typeof given.weightVersion === "string" ? { weightVersion: given.weightVersion } : {}),
    ...(typeof given.modelPath === "string" ? { modelPath: given.modelPath } : {}),
    ...(typeof given.faults === "string" ? { faults: readFaults(given.faults) } : {}),
    latency: given.latency !== false,
    incrementalStreaming: given.incrementalStreaming === true,
  };
}

function readProtocol(name: string): SimulatedProtocol {
  const known = SIMULATED_PROTOCOLS.find((protocol) => protocol === name);
  if (known !== undefined) return known;
  throw new ConfigError(
    `Cannot use --protocol: must be one of ${SIMULATED_PROTOCOLS.join(", ")}, received "${name}"`,
  );
}

function readNumber({ flag, min, max, integer = true }: NumberFlag, text: string): number {
  const pattern = integer ? /^\d+$/ : /^\d+(\.\d+)?$/;
  const value = Number(text);
  if (pattern.test(text) && value >= min && value <= max) return value;
  const kind = integer ? "an integer" : "a number";
  throw new ConfigError(`Cannot use ${flag}: must be ${kind} from ${min} to ${max}, received "${text}"`);
}

function readFaults(text: string): FaultSettings {
  let faults: unknown;
  try {
    faults = JSON.parse(text);
  } catch {
    faults = null;
  }
  if (typeof faults === "object" && faults !== null && !Array.isArray(faults)) return faults as FaultSettings;
  throw new ConfigError(`Cannot use --faults: must be a JSON object, received ${JSON.stringify(text)}`);
}
