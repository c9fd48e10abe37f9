import assert from "node:assert/strict";
import {
  type ConfigFlags,
  DEFAULT_CONFIG,
  describeDefault,
  envName,
  envNames,
  flagKey,
  resolveConfig,
  type RouterConfig,
  SETTING_GROUPS,
  SETTINGS,
} from "../../../src/config.ts";
import { ConfigError } from "../../../src/errors.ts";

const file = (content: unknown, path = "router.json") => ({
  path,
  text: typeof content === "string" ? content : JSON.stringify(content),
});

Deno.test("resolveConfig() of nothing is the defaults", () => {
  assert.deepEqual(resolveConfig(), DEFAULT_CONFIG);
  assert.deepEqual(
    resolveConfig({}, { PATH: "/bin", SLIME_ROUTER_CONFIG: "x.json" }, file({})),
    DEFAULT_CONFIG,
  );
});

Deno.test("SETTINGS has each key of the configuration once, and judges its default good", () => {
  assert.deepEqual(SETTINGS.map((setting) => setting.key).sort(), Object.keys(DEFAULT_CONFIG).sort());
  assert.equal(new Set(SETTINGS.map((setting) => setting.flag)).size, SETTINGS.length);
  assert.equal(new Set(SETTINGS.flatMap(envNames)).size, SETTINGS.flatMap(envNames).length);
  for (const setting of SETTINGS) {
    assert.ok(SETTING_GROUPS.includes(setting.group));
    assert.match(setting.flag, /^--[a-z-]+$/);
    assert.match(envName(setting), /^SLIME_ROUTER_[A-Z_]+$/);
    assert.match(describeDefault(setting), /^default: .+; SLIME_ROUTER_/);
    assert.deepEqual(
      resolveConfig({}, {}, file({ [setting.key]: DEFAULT_CONFIG[setting.key] })),
      DEFAULT_CONFIG,
    );
  }
});

Deno.test("resolveConfig() takes flag over variable over file over default", () => {
  const inFile = file({ port: 1, gcThresholdK: 1, maxAttempts: 1 });
  const env = { SLIME_ROUTER_PORT: "2", SLIME_ROUTER_GC_THRESHOLD_K: "2" };
  const config = resolveConfig({ port: "3" }, env, inFile);
  assert.deepEqual(
    [config.port, config.gcThresholdK, config.maxAttempts, config.abortRetries],
    [3, 2, 1, DEFAULT_CONFIG.abortRetries],
  );
});

Deno.test("resolveConfig() reads every kind of value from every source", () => {
  const wanted: Partial<RouterConfig> = {
    host: "0.0.0.0",
    maxCacheSize: 1_000,
    workers: ["http://a:1", "https://b"],
    allowedWorkerHosts: ["10.0.*"],
    middleware: ["./log.ts", "./x.ts"],
    verbose: true,
    prewarm: false,
    onAbort: "return",
    apiKey: "sk-1",
    logLevel: "debug",
  };
  const flags: ConfigFlags = {
    host: "0.0.0.0",
    maxCacheSize: "1000",
    workers: ["http://a:1", "https://b"],
    allowedWorkerHosts: ["10.0.*"],
    middleware: ["./log.ts", "./x.ts"],
    verbose: true,
    prewarm: false,
    onAbort: "return",
    apiKey: "sk-1",
  };
  const env = {
    SLIME_ROUTER_HOST: "0.0.0.0",
    SLIME_ROUTER_MAX_CACHE_SIZE: "1000",
    SLIME_ROUTER_WORKERS: "http://a:1, https://b",
    SLIME_ROUTER_ALLOWED_WORKER_HOSTS: "10.0.*",
    SLIME_ROUTER_MIDDLEWARE: "./log.ts,./x.ts",
    SLIME_ROUTER_VERBOSE: "true",
    SLIME_ROUTER_PREWARM: "0",
    SLIME_ROUTER_ON_ABORT: "return",
    SLIME_ROUTER_API_KEY: "sk-1",
  };
  const { logLevel: _, ...inFile } = wanted;
  const expected = { ...DEFAULT_CONFIG, ...wanted };
  assert.deepEqual(resolveConfig(flags), expected);
  assert.deepEqual(resolveConfig({}, env), expected);
  assert.deepEqual(resolveConfig({}, {}, file(inFile)), expected);
});

Deno.test("resolveConfig() knows settings by the names of their flags too", () => {
  const spellings = [{ "max-cache-size": 9, worker: ["http://a"] }, {
    max_cache_size: 9,
    workers: ["http://a"],
  }];
  for (const spelling of spellings) {
    const config = resolveConfig({}, {}, file(spelling));
    assert.equal(config.maxCacheSize, 9);
    assert.deepEqual(config.workers, ["http://a"]);
  }
  assert.deepEqual(resolveConfig({}, { SLIME_ROUTER_WORKER: "http://a" }).workers, ["http://a"]);
  assert.equal(flagKey(SETTINGS.find((setting) => setting.key === "prewarm")!), "prewarm");
});

Deno.test("resolveConfig() raises the level with verbose, unless a level is given", () => {
  assert.equal(resolveConfig({ verbose: true }).logLevel, "debug");
  assert.equal(resolveConfig({ verbose: true, logLevel: "error" }).logLevel, "error");
  assert.equal(resolveConfig({ verbose: true }, { SLIME_ROUTER_LOG_LEVEL: "info" }).logLevel, "info");
});

Deno.test("resolveConfig() leaves the caller's objects alone and freezes its answer", () => {
  const workers = ["http://a"];
  const config = resolveConfig({ workers });
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.workers));
  workers.push("http://b");
  assert.deepEqual(config.workers, ["http://a"]);
});

Deno.test("resolveConfig() refuses bad values with one line that names source and value", () => {
  const path = "router.json";
  const cases: [ConfigFlags, Record<string, string>, unknown, string][] = [
    [{ port: "abc" }, {}, null, 'Cannot use --port: must be an integer from 0 to 65535, received "abc"'],
    [{ port: "65536" }, {}, null, 'Cannot use --port: must be an integer from 0 to 65535, received "65536"'],
    [{ port: "-1" }, {}, null, 'Cannot use --port: must be an integer from 0 to 65535, received "-1"'],
    [{ port: "1.5" }, {}, null, 'Cannot use --port: must be an integer from 0 to 65535, received "1.5"'],
    [{ port: "" }, {}, null, 'Cannot use --port: must be an integer from 0 to 65535, received ""'],
    [{ port: "0x10" }, {}, null, 'Cannot use --port: must be an integer from 0 to 65535, received "0x10"'],
    [
      { maxAttempts: "9".repeat(400) },
      {},
      null,
      `Cannot use --max-attempts: must be an integer from 1 to 100, received "${"9".repeat(119)}…`,
    ],
    [
      { policy: "best" },
      {},
      null,
      'Cannot use --policy: must be one of least_load, round_robin, received "best"',
    ],
    [
      { onAbort: "again" },
      {},
      null,
      'Cannot use --on-abort: must be one of resume, retry, return, received "again"',
    ],
    [
      { workers: ["ftp://a"] },
      {},
      null,
      "Cannot use --worker: must be a list of http(s) URLs without query or credentials," +
      ' received ["ftp://a"]',
    ],
    [
      { workers: ["http://u:p@a"] },
      {},
      null,
      "Cannot use --worker: must be a list of http(s) URLs without query or credentials," +
      ' received ["http://…@a"]',
    ],
    [{ colour: "red" }, {}, null, 'Cannot use flag "colour": no such setting'],
    [{ host: "a\nb" }, {}, null, 'Cannot use --host: must be a host name or address, received "a\\nb"'],
    [
      {},
      { SLIME_ROUTER_VERBOSE: "maybe" },
      null,
      'Cannot use SLIME_ROUTER_VERBOSE: must be true or false, received "maybe"',
    ],
    [
      {},
      { SLIME_ROUTER_GC_THRESHOLD: "1" },
      null,
      "Cannot use variable SLIME_ROUTER_GC_THRESHOLD: no such setting; see slime-router serve --help",
    ],
    [
      {},
      { SLIME_ROUTER_LOGLEVEL: "info" },
      null,
      "Cannot use variable SLIME_ROUTER_LOGLEVEL: no such setting; did you mean SLIME_ROUTER_LOG_LEVEL?",
    ],
    [
      {},
      { SLIME_ROUTER_WORKER: "http://a", SLIME_ROUTER_WORKERS: "http://a" },
      null,
      "Cannot use SLIME_ROUTER_WORKERS: SLIME_ROUTER_WORKER gives the same setting",
    ],
    [{}, {}, { nope: 1 }, `Cannot use "nope" in ${path}: no such setting`],
    [
      {},
      {},
      { port: "8080" },
      `Cannot use "port" in ${path}: must be an integer from 0 to 65535, received "8080"`,
    ],
    [{}, {}, { verbose: 1 }, `Cannot use "verbose" in ${path}: must be true or false, received 1`],
    [
      {},
      {},
      { port: null },
      `Cannot use "port" in ${path}: must be an integer from 0 to 65535, received null`,
    ],
    [
      {},
      {},
      { maxCacheSize: 1, "max-cache-size": 2 },
      `Cannot use "max-cache-size" in ${path}: the same setting is given twice`,
    ],
    [{}, {}, [], `Cannot read ${path}: must be a JSON object, received []`],
    [{}, {}, "null", `Cannot read ${path}: must be a JSON object, received null`],
  ];
  for (const [flags, env, content, message] of cases) {
    assert.throws(
      () => resolveConfig(flags, env, content === null ? null : file(content, path)),
      (error: Error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.message, message);
        assert.equal(error.message.split("\n").length, 1);
        return true;
      },
    );
  }
});

Deno.test("resolveConfig() tells in one line that a file is not JSON", () => {
  assert.throws(
    () => resolveConfig({}, {}, file('{\n  "port": \n}')),
    (error: Error) => /^Cannot read router.json: not JSON: .+$/.test(error.message),
  );
});

Deno.test("resolveConfig() judges a bad value even where a better source hides it", () => {
  assert.throws(() => resolveConfig({ port: "1" }, { SLIME_ROUTER_PORT: "x" }), /SLIME_ROUTER_PORT/);
});

Deno.test("resolveConfig() never quotes a secret", () => {
  for (const apiKey of ["two words", "", "ünïcode"]) {
    assert.throws(
      () => resolveConfig({ apiKey }),
      (error: Error) => error.message.endsWith("received something else"),
    );
  }
});
