/**
 * Flags, variables and a configuration file become one configuration. Pure: who reads the file is the caller.
 *
 * Precedence: flag, then `SLIME_ROUTER_*` variable, then file, then default.
 *
 * @module
 */
import * as v from "valibot";
import { ConfigError } from "../errors.ts";
import { DEFAULT_CONFIG, type RouterConfig } from "./router_config.ts";
import { camelCase, ENV_PREFIX, envName, envNames, flagKey, type Setting, SETTINGS } from "./settings.ts";

/** Names the configuration file; not a setting itself. */
export const CONFIG_FILE_ENV = `${ENV_PREFIX}CONFIG`;

/** Flags as the command line gives them: text by key; absent where not given. Lists as arrays, switches as booleans. */
export type ConfigFlags = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

/** A configuration file that has been read. */
export interface ConfigFile {
  /** For messages. */
  readonly path: string;
  /** JSON: an object whose keys are those of {@link RouterConfig}, or the names of flags. */
  readonly text: string;
}

/** A value with the words that tell where it comes from. */
interface Given {
  readonly value: unknown;
  /** The value as it was written, for messages. */
  readonly received: unknown;
  readonly where: string;
}

/**
 * The configuration that these sources give together.
 *
 * @param flags keys of {@link RouterConfig}; texts are read as their setting asks
 * @param env all variables of the process: those without the prefix are left alone
 * @param file null when there is none
 * @throws ConfigError one line that names flag, variable or key, what it must be, and what was received
 *
 * @example
 * ```ts
 * import { resolveConfig } from "@slime/router";
 *
 * const config = resolveConfig({ port: "8080" }, { SLIME_ROUTER_GC_THRESHOLD_K: "3" });
 * if (config.port !== 8080 || config.gcThresholdK !== 3) throw new Error("unreachable");
 * ```
 */
export function resolveConfig(
  flags: ConfigFlags = {},
  env: Readonly<Record<string, string | undefined>> = {},
  file: ConfigFile | null = null,
): RouterConfig {
  const fromFile = file ? readFile(file) : new Map<string, Given>();
  const fromEnv = readEnv(env);
  const fromFlags = readFlags(flags);
  const config: Record<string, unknown> = { ...DEFAULT_CONFIG };
  let levelGiven = false;
  for (const setting of SETTINGS) {
    // All sources are judged, not only the one that wins: a bad value is a mistake even where another hides it.
    for (const source of [fromFile, fromEnv, fromFlags]) {
      const given = source.get(setting.key);
      if (given === undefined) continue;
      config[setting.key] = judge(setting, given);
      if (setting.key === "logLevel") levelGiven = true;
    }
  }
  if (config.verbose === true && !levelGiven) config.logLevel = "debug";
  return Object.freeze(config) as unknown as RouterConfig;
}

function readFlags(flags: ConfigFlags): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const [key, raw] of Object.entries(flags)) {
    if (raw === undefined) continue;
    const setting = SETTINGS.find((candidate) => candidate.key === key);
    if (!setting) throw new ConfigError(`Cannot use flag "${key}": no such setting`);
    const value = typeof raw === "string" ? parseText(setting, raw) : raw;
    given.set(key, { value, received: raw, where: setting.flag });
  }
  return given;
}

function readEnv(env: Readonly<Record<string, string | undefined>>): Map<string, Given> {
  const settings = new Map(SETTINGS.flatMap((setting) => envNames(setting).map((name) => [name, setting])));
  const given = new Map<string, Given>();
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || name === CONFIG_FILE_ENV || text === undefined) continue;
    const setting = settings.get(name);
    if (!setting) {
      throw new ConfigError(`Cannot use variable ${name}: no such setting${hint(name, settings)}`);
    }
    const earlier = given.get(setting.key);
    if (earlier) throw new ConfigError(`Cannot use ${name}: ${earlier.where} gives the same setting`);
    given.set(setting.key, { value: parseText(setting, text), received: text, where: name });
  }
  return given;
}

function readFile(file: ConfigFile): Map<string, Given> {
  let content: unknown;
  try {
    content = JSON.parse(file.text);
  } catch (error) {
    throw new ConfigError(`Cannot read ${file.path}: not JSON: ${oneLine((error as Error).message)}`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigError(`Cannot read ${file.path}: must be a JSON object, received ${quote(content)}`);
  }
  const given = new Map<string, Given>();
  for (const [name, value] of Object.entries(content)) {
    const setting = settingOfFileKey(name);
    if (!setting) throw new ConfigError(`Cannot use "${name}" in ${file.path}: no such setting`);
    if (given.has(setting.key)) {
      throw new ConfigError(`Cannot use "${name}" in ${file.path}: the same setting is given twice`);
    }
    given.set(setting.key, { value, received: value, where: `"${name}" in ${file.path}` });
  }
  return given;
}

/** Keys may be spelled as the interface spells them, or as flags are: `max-cache-size`, `max_cache_size`, `worker`. */
function settingOfFileKey(name: string): Setting | undefined {
  const key = camelCase(name);
  return SETTINGS.find((setting) => setting.key === key || flagKey(setting) === key);
}

/** The value that a text stands for; the text itself where it stands for none, so that the schema refuses it. */
function parseText(setting: Setting, text: string): unknown {
  switch (setting.kind) {
    case "number":
      return /^[+-]?\d+$/.test(text.trim()) ? Number(text) : text;
    case "boolean":
      return BOOLEANS.get(text.trim().toLowerCase()) ?? text;
    case "list":
      return text.split(",").map((part) => part.trim());
    case "text":
      return text;
  }
}

const BOOLEANS = new Map([["true", true], ["1", true], ["yes", true], ["false", false], ["0", false], [
  "no",
  false,
]]);

function judge(setting: Setting, { value, received, where }: Given): unknown {
  const result = v.safeParse(setting.schema, value);
  if (result.success) return Array.isArray(result.output) ? Object.freeze([...result.output]) : result.output;
  const shown = setting.secret ? "something else" : quote(received);
  throw new ConfigError(`Cannot use ${where}: must be ${result.issues[0].message}, received ${shown}`);
}

/** Longest excerpt of a bad value in a message. */
const QUOTE_MAX_UNITS = 120;

function quote(value: unknown): string {
  // Credentials in URLs stay out of logs.
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/@"]*@/g, "//…@");
  return text.length > QUOTE_MAX_UNITS ? `${text.slice(0, QUOTE_MAX_UNITS)}…` : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** The known variable that shares most with a mistyped one, if it shares much. */
function hint(name: string, settings: ReadonlyMap<string, Setting>): string {
  const loose = (text: string) => text.replaceAll("_", "");
  const known = [...settings.keys()].find((candidate) => loose(candidate) === loose(name));
  return known ? `; did you mean ${known}?` : `; see slime-router serve --help`;
}

/** What `--help` adds to a setting: its default and its variable. */
export function describeDefault(setting: Setting): string {
  return `default: ${shownDefault(setting)}; ${envName(setting)}`;
}

/** Begins the flag of a switch that is on. */
const NEGATION = "--no-";

function shownDefault(setting: Setting): string {
  const value = DEFAULT_CONFIG[setting.key];
  if (setting.flag.startsWith(NEGATION)) return setting.flag.slice(NEGATION.length);
  if (typeof value === "boolean") return value ? "on" : "off";
  return value === null || (Array.isArray(value) && value.length === 0) ? "none" : String(value);
}
