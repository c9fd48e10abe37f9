/**
 * One table of all settings: flag, schema, help. Command line, variables, configuration file, `--help` and the
 * documentation are read from it, so that they cannot disagree.
 *
 * @module
 */
import * as v from "valibot";
import type { RouterConfig } from "./router_config.ts";

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

/** Largest time that a timer can hold. */
const TIME_MAX_MS = 2 ** 31 - 1;
/** A linear WebAssembly memory ends there. */
const MEMORY_MAX_BYTES = 2 ** 32;
/** Longest string that JavaScript engines hold is some 512 MiB; a body becomes one. */
const BODY_MAX_BYTES = 2 ** 29;

function integer(min: number, max: number) {
  const message = `an integer from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

function oneOf<const Names extends readonly string[]>(...names: Names) {
  return v.picklist(names, `one of ${names.join(", ")}`);
}

const text = (what: string) => v.pipe(v.string(what), v.regex(/^\P{Cc}+$/u, what));
const boolean = v.boolean("true or false");
const workerUrl = v.pipe(
  v.string("a list of http(s) URLs"),
  v.check(isHttpUrl, "a list of http(s) URLs without query or credentials"),
);
const bearerToken = v.pipe(
  v.string("a token of visible ASCII characters"),
  v.regex(/^[\x21-\x7e]+$/, "a token of visible ASCII characters"),
);

function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" &&
    url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

/** Formats of `parse/create.ts`, which stands above this folder: a test holds the lists against each other. */
const TOOL_PARSERS = [
  "auto",
  "none",
  "hermes",
  "qwen3_coder",
  "glm",
  "llama3_json",
  "deepseek",
  "kimi",
  "harmony",
];
const REASONING_PARSERS = ["auto", "none", "think", "harmony"];

/** All settings, in the order of `--help`. */
export const SETTINGS: readonly Setting[] = [
  {
    key: "host",
    flag: "--host",
    placeholder: "address",
    kind: "text",
    group: "Server",
    help: "address to listen on",
    schema: text("a host name or address"),
  },
  {
    key: "port",
    flag: "--port",
    placeholder: "n",
    kind: "number",
    group: "Server",
    help: "port to listen on; 0 takes a free one",
    schema: integer(0, 65_535),
  },
  {
    key: "apiKey",
    flag: "--api-key",
    placeholder: "token",
    kind: "text",
    group: "Server",
    help: "bearer token asked for by every path but /health and /readiness",
    schema: v.nullable(bearerToken),
    secret: true,
  },
  {
    key: "maxConnections",
    flag: "--max-connections",
    placeholder: "n",
    kind: "number",
    group: "Server",
    help: "requests served at once; more get 503 with Retry-After; 0: no bound",
    schema: integer(0, 1_000_000),
  },
  {
    key: "maxBodyBytes",
    flag: "--max-body-bytes",
    placeholder: "n",
    kind: "number",
    group: "Server",
    help: "largest request body; larger ones get 413",
    schema: integer(1, BODY_MAX_BYTES),
  },
  {
    key: "requestTimeoutMs",
    flag: "--request-timeout-ms",
    placeholder: "ms",
    kind: "number",
    group: "Server",
    help: "longest a whole request may take; 0: no limit",
    schema: integer(0, TIME_MAX_MS),
  },
  {
    key: "shutdownTimeoutMs",
    flag: "--shutdown-timeout-ms",
    placeholder: "ms",
    kind: "number",
    group: "Server",
    help: "longest that requests in flight go on after SIGTERM or Ctrl-C",
    schema: integer(0, TIME_MAX_MS),
  },
  {
    key: "middleware",
    flag: "--middleware",
    placeholder: "module",
    kind: "list",
    group: "Server",
    help: "module whose default export makes a middleware; may be given again",
    schema: v.array(text("a list of module paths"), "a list of module paths"),
  },
  {
    key: "workers",
    flag: "--worker",
    placeholder: "url",
    kind: "list",
    group: "Workers",
    help: "base URL of a worker; may be given again",
    schema: v.array(workerUrl, "a list of http(s) URLs"),
  },
  {
    key: "allowedWorkerHosts",
    flag: "--allowed-worker-host",
    placeholder: "pattern",
    kind: "list",
    group: "Workers",
    help: "host that workers may have: host, host:port or *.suffix; may be given again; none: any host",
    schema: v.nullable(v.array(text("a list of host patterns"), "a list of host patterns")),
  },
  {
    key: "policy",
    flag: "--policy",
    placeholder: "name",
    kind: "text",
    group: "Workers",
    help: "how a worker is chosen: least_load, round_robin",
    schema: oneOf("least_load", "round_robin"),
  },
  {
    key: "maxAttempts",
    flag: "--max-attempts",
    placeholder: "n",
    kind: "number",
    group: "Workers",
    help: "workers tried for one request when connections fail",
    schema: integer(1, 100),
  },
  {
    key: "workerApiKey",
    flag: "--worker-api-key",
    placeholder: "token",
    kind: "text",
    group: "Workers",
    help: "bearer token that workers ask for, sent with everything in place of the client's",
    schema: v.nullable(bearerToken),
    secret: true,
  },
  {
    key: "connectTimeoutMs",
    flag: "--connect-timeout-ms",
    placeholder: "ms",
    kind: "number",
    group: "Workers",
    help: "longest until a worker's connection stands",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "healthCheckIntervalMs",
    flag: "--health-check-interval-ms",
    placeholder: "ms",
    kind: "number",
    group: "Health",
    help: "time between two probes of a worker",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "healthCheckTimeoutMs",
    flag: "--health-check-timeout-ms",
    placeholder: "ms",
    kind: "number",
    group: "Health",
    help: "longest a probe may take",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "healthCheckFailureThreshold",
    flag: "--health-check-failure-threshold",
    placeholder: "n",
    kind: "number",
    group: "Health",
    help: "failed probes in a row after which a worker is unhealthy",
    schema: integer(1, 1_000_000),
  },
  {
    key: "circuitBreakerThreshold",
    flag: "--circuit-breaker-threshold",
    placeholder: "n",
    kind: "number",
    group: "Health",
    help: "failed connections in a row after which a worker is left alone for a while",
    schema: integer(1, 1_000_000),
  },
  {
    key: "circuitBreakerCooldownMs",
    flag: "--circuit-breaker-cooldown-ms",
    placeholder: "ms",
    kind: "number",
    group: "Health",
    help: "how long it is left alone",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "tokenizer",
    flag: "--tokenizer",
    placeholder: "path",
    kind: "text",
    group: "Token cache",
    help: "folder with tokenizer.json, or the file; none: no token cache",
    schema: v.nullable(text("a path")),
  },
  {
    key: "tokenizerBackend",
    flag: "--tokenizer-backend",
    placeholder: "name",
    kind: "text",
    group: "Token cache",
    help: "auto, kitoken, huggingface, tokenizers-wasm",
    schema: oneOf("auto", "kitoken", "huggingface", "tokenizers-wasm"),
  },
  {
    key: "maxCacheSize",
    flag: "--max-cache-size",
    placeholder: "tokens",
    kind: "number",
    group: "Token cache",
    help: "tokens kept at most",
    schema: integer(1, 1_000_000_000),
  },
  {
    key: "maxCacheBytes",
    flag: "--max-cache-bytes",
    placeholder: "n",
    kind: "number",
    group: "Token cache",
    help: "bytes of memory that the cache uses at most",
    schema: integer(2 ** 20, MEMORY_MAX_BYTES),
  },
  {
    key: "snapshot",
    flag: "--snapshot",
    placeholder: "file",
    kind: "text",
    group: "Token cache",
    help: "file that the cache is loaded from at the start, and saved to at the end and on POST /snapshot",
    schema: v.nullable(text("a path")),
  },
  {
    key: "gcThresholdK",
    flag: "--gc-threshold-k",
    placeholder: "n",
    kind: "number",
    group: "Token cache",
    help: "weight versions that a cached path may lag behind",
    schema: integer(0, 1_000_000),
  },
  {
    key: "prewarm",
    flag: "--no-prewarm",
    placeholder: null,
    kind: "boolean",
    group: "Token cache",
    help: "do not warm up the tokenizer and its helper before listening",
    schema: boolean,
  },
  {
    key: "chat",
    flag: "--chat",
    placeholder: "mode",
    kind: "text",
    group: "Chat",
    help:
      "chat completions: gateway (token-exact), proxy, auto (gateway when tokenizer and template are there)",
    schema: oneOf("auto", "gateway", "proxy"),
  },
  {
    key: "tito",
    flag: "--tito",
    placeholder: "mode",
    kind: "text",
    group: "Chat",
    help: "chat template that does not keep conversations: report, strict (do not start, or refuse tools)",
    schema: oneOf("report", "strict"),
  },
  {
    key: "engine",
    flag: "--engine",
    placeholder: "name",
    kind: "text",
    group: "Chat",
    help: "protocol that the gateway speaks with workers: sglang, vllm, vllm-completions",
    schema: oneOf("sglang", "vllm", "vllm-completions"),
  },
  {
    key: "chatTemplate",
    flag: "--chat-template",
    placeholder: "path",
    kind: "text",
    group: "Chat",
    help: "file with a chat template in Jinja, in place of the tokenizer's own",
    schema: v.nullable(text("a path")),
  },
  {
    key: "contextTokens",
    flag: "--context-tokens",
    placeholder: "n",
    kind: "number",
    group: "Chat",
    help: "tokens that a worker's context holds; without it workers are asked where it has to be known",
    schema: v.nullable(integer(1, 2 ** 31 - 1)),
  },
  {
    key: "toolCallParser",
    flag: "--tool-call-parser",
    placeholder: "name",
    kind: "text",
    group: "Chat",
    help: `format of tool calls: ${TOOL_PARSERS.join(", ")}`,
    schema: oneOf(...TOOL_PARSERS),
  },
  {
    key: "reasoningParser",
    flag: "--reasoning-parser",
    placeholder: "name",
    kind: "text",
    group: "Chat",
    help: `format of reasoning: ${REASONING_PARSERS.join(", ")}`,
    schema: oneOf(...REASONING_PARSERS),
  },
  {
    key: "sessionsMax",
    flag: "--sessions-max",
    placeholder: "n",
    kind: "number",
    group: "Chat",
    help: "sessions kept at most",
    schema: integer(1, 100_000_000),
  },
  {
    key: "sessionIdleMs",
    flag: "--session-idle-ms",
    placeholder: "ms",
    kind: "number",
    group: "Chat",
    help: "time after which a session that nobody used is removed",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "sessionBytesMax",
    flag: "--session-bytes-max",
    placeholder: "n",
    kind: "number",
    group: "Chat",
    help: "bytes of all sessions at most",
    schema: integer(2 ** 10, Number.MAX_SAFE_INTEGER),
  },
  {
    key: "sessionTurnsMax",
    flag: "--session-turns-max",
    placeholder: "n",
    kind: "number",
    group: "Chat",
    help: "turns of one session at most",
    schema: integer(1, 1_000_000),
  },
  {
    key: "onAbort",
    flag: "--on-abort",
    placeholder: "action",
    kind: "text",
    group: "Weight updates",
    help: "reply that a weight update aborted: resume (chat; /generate is asked again), retry, return",
    schema: oneOf("resume", "retry", "return"),
  },
  {
    key: "abortRetries",
    flag: "--abort-retries",
    placeholder: "n",
    kind: "number",
    group: "Weight updates",
    help: "times an aborted request is asked again",
    schema: integer(0, 100_000),
  },
  {
    key: "abortRetryWaitMs",
    flag: "--abort-retry-wait-ms",
    placeholder: "ms",
    kind: "number",
    group: "Weight updates",
    help: "wait before asking again",
    schema: integer(0, TIME_MAX_MS),
  },
  {
    key: "logFormat",
    flag: "--log-format",
    placeholder: "name",
    kind: "text",
    group: "Logs",
    help: "auto (pretty on a terminal, else json), json, pretty",
    schema: oneOf("auto", "json", "pretty"),
  },
  {
    key: "logLevel",
    flag: "--log-level",
    placeholder: "name",
    kind: "text",
    group: "Logs",
    help: "trace, debug, info, warning, error, fatal",
    schema: oneOf("trace", "debug", "info", "warning", "error", "fatal"),
  },
  {
    key: "verbose",
    flag: "--verbose",
    placeholder: null,
    kind: "boolean",
    group: "Logs",
    help: "a line a request, and debug messages",
    schema: boolean,
  },
];
