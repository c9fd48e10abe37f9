/**
 * From the table of settings to the flags of `serve`, and back to a configuration.
 *
 * @module
 */
import { type Command, Option } from "commander";
import {
  CONFIG_FILE_ENV,
  type ConfigFile,
  describeDefault,
  flagKey,
  resolveConfig,
  type RouterConfig,
  type Setting,
  SETTING_GROUPS,
  SETTINGS,
} from "../config.ts";
import { ConfigError } from "../errors.ts";
import type { CliIo } from "./io.ts";

/** Adds a flag for every setting, grouped. */
export function addServeOptions(command: Command): void {
  for (const group of SETTING_GROUPS) {
    for (const setting of SETTINGS) {
      if (setting.group === group) command.addOption(optionOf(setting));
    }
  }
  command.addOption(
    new Option("--config <file>", `JSON file with settings (${CONFIG_FILE_ENV})`).helpGroup("Server:"),
  );
}

function optionOf(setting: Setting): Option {
  const value = setting.placeholder === null ? "" : ` <${setting.placeholder}>`;
  const option = new Option(`${setting.flag}${value}`, `${setting.help} (${describeDefault(setting)})`);
  option.helpGroup(`${setting.group}:`);
  if (setting.kind === "list") {
    option.argParser((text: string, before: string[] | undefined) => [...before ?? [], text]);
  }
  return option;
}

/**
 * The configuration that flags, variables and file give.
 *
 * @throws ConfigError one line about the first bad value
 */
export async function readServeConfig(command: Command, io: CliIo): Promise<RouterConfig> {
  const flags: Record<string, string | string[] | boolean> = {};
  for (const setting of SETTINGS) {
    const name = flagKey(setting);
    // A negated flag has a value although nobody gave it.
    if (command.getOptionValueSource(name) === "cli") flags[setting.key] = command.getOptionValue(name);
  }
  const path: string | undefined = command.getOptionValue("config") ?? io.env[CONFIG_FILE_ENV];
  return resolveConfig(flags, io.env, path === undefined ? null : await readConfigFile(path, io));
}

async function readConfigFile(path: string, io: CliIo): Promise<ConfigFile> {
  try {
    return { path, text: await io.readText(path) };
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new ConfigError(`Cannot read configuration "${path}": ${reason}`);
  }
}
