/**
 * One table of all settings: flag, schema, help. Command line, variables, configuration file, `--help` and the
 * documentation are read from it, so that they cannot disagree. Its groups stand in `settings/`.
 *
 * @module
 */
import { CHAT_SETTINGS } from "./settings/chat.ts";
import { HEALTH_SETTINGS } from "./settings/health.ts";
import { LOG_SETTINGS } from "./settings/logs.ts";
import { SERVER_SETTINGS } from "./settings/server.ts";
import { TOKEN_CACHE_SETTINGS } from "./settings/token_cache.ts";
import { WEIGHT_UPDATE_SETTINGS } from "./settings/weight_updates.ts";
import { WORKER_SETTINGS } from "./settings/workers.ts";
import type { Setting } from "./settings/setting.ts";

export {
  camelCase,
  ENV_PREFIX,
  envName,
  envNames,
  flagKey,
  type Setting,
  SETTING_GROUPS,
  type SettingGroup,
  type SettingKind,
} from "./settings/setting.ts";

/** All settings, in the order of `--help`. */
export const SETTINGS: readonly Setting[] = [
  ...SERVER_SETTINGS,
  ...WORKER_SETTINGS,
  ...HEALTH_SETTINGS,
  ...TOKEN_CACHE_SETTINGS,
  ...CHAT_SETTINGS,
  ...WEIGHT_UPDATE_SETTINGS,
  ...LOG_SETTINGS,
];
