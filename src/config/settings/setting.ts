/**
 * What a setting is, and its names.
 *
 * @module
 */
import type * as v from "valibot";
import type { RouterConfig } from "../router_config.ts";

/** How the text of a flag or variable becomes a value, before the schema judges it. */
export type SettingKind = "text" | "number" | "boolean" | "list";

/** One setting of {@link RouterConfig}. */
export interface Setting {
  readonly key: keyof RouterConfig;
  /** Long flag with dashes, e.g. `--max-cache-size`. Lists: one flag an element. */
  readonly flag: string;
  /** Name of the value in `--help`; null for switches. */
  readonly placeholder: string | null;
  readonly kind: SettingKind;
  readonly group: SettingGroup;
  readonly help: string;
  /** Judges a value of any source. Its message completes "must be …". */
  readonly schema: v.GenericSchema<unknown>;
  /** Never quoted in messages. */
  readonly secret?: boolean;
}

/** Headings of `--help`, in order. */
export const SETTING_GROUPS = [
  "Server",
  "Workers",
  "Health",
  "Token cache",
  "Chat",
  "Weight updates",
  "Logs",
] as const;
export type SettingGroup = typeof SETTING_GROUPS[number];

/** The settings of one group. */
export function inGroup(
  group: SettingGroup,
  settings: readonly Omit<Setting, "group">[],
): readonly Setting[] {
  return settings.map((setting) => ({ ...setting, group }));
}

/** Prefix of every variable. */
export const ENV_PREFIX = "SLIME_ROUTER_";

/** The variable of a setting, e.g. `SLIME_ROUTER_MAX_CACHE_SIZE`. */
export function envName(setting: Setting): string {
  return ENV_PREFIX + constantCase(setting.key);
}

/** Every name a variable may have: that of the key, and that of the flag where it differs (`WORKER`). */
export function envNames(setting: Setting): string[] {
  return [...new Set([envName(setting), ENV_PREFIX + constantCase(flagKey(setting))])];
}

/** The flag as a key: `worker` for `--worker`, `prewarm` for `--no-prewarm`. */
export function flagKey(setting: Setting): string {
  return camelCase(setting.flag.replace(/^--(no-)?/, ""));
}

/** `max-cache-size`, `max_cache_size` and `maxCacheSize` as `maxCacheSize`. */
export function camelCase(name: string): string {
  return name.replace(/[-_]+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function constantCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
