import assert from "node:assert/strict";
import { announcement } from "../../../src/cli/announcement.ts";
import type { CliIo } from "../../../src/cli/io.ts";
import { type Commands, runProgram } from "../../../src/cli/program.ts";
import { VERSION } from "../../../src/cli/version.ts";
import { DEFAULT_CONFIG, type RouterConfig, SETTINGS } from "../../../src/config.ts";
import { TokenizerLoadError } from "../../../src/errors.ts";
import { ComponentRegistry } from "../../../src/registry.ts";
import { systemClock } from "../../../src/sync/clock.ts";
import { WorkerPool } from "../../../src/worker/pool.ts";
import project from "../../../deno.json" with { type: "json" };

/** What a command was called with. */
interface Called {
  readonly command: keyof Commands;
  readonly given: unknown;
}

/** Runs a command line whose commands only write down what they are asked. */
async function run(
  args: readonly string[],
  world: { env?: Record<string, string>; files?: Record<string, string>; fail?: Error } = {},
) {
  const called: Called[] = [];
  let [out, err] = ["", ""];
  const note = (command: keyof Commands) => (given: unknown) => {
    called.push({ command, given });
    return world.fail ? Promise.reject(world.fail) : Promise.resolve(0);
  };
  const io: CliIo = {
    args,
    env: world.env ?? {},
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    outIsTerminal: false,
    errIsTerminal: false,
    readText: (path) => {
      const text = world.files?.[path];
      return text === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(text);
    },
  };
  const commands = {
    serve: note("serve"),
    simulate: note("simulate"),
    demo: note("demo"),
    verify: note("verify"),
  };
  const code = await runProgram(commands, io);
  return { code, out, err, called, given: called[0]?.given };
}

Deno.test("runProgram() serve without flags is the default configuration", async () => {
  const { code, called } = await run(["serve"]);
  assert.equal(code, 0);
  assert.deepEqual(called, [{ command: "serve", given: DEFAULT_CONFIG }]);
});

Deno.test("runProgram() serve takes every setting as a flag", async () => {
  const values: Record<keyof RouterConfig, unknown> = {
    host: "::1",
    port: 1,
    workers: ["http://a:1", "http://b:2"],
    allowedWorkerHosts: ["a", "*.b"],
    policy: "round_robin",
    maxConnections: 2,
    maxAttempts: 3,
    requestTimeoutMs: 4,
    connectTimeoutMs: 5,
    maxBodyBytes: 6,
    healthCheckIntervalMs: 7,
    healthCheckTimeoutMs: 8,
    healthCheckFailureThreshold: 9,
    retryHung: false,
    circuitBreakerThreshold: 10,
    circuitBreakerCooldownMs: 11,
    tokenizer: "./tok",
    tokenizerBackend: "huggingface",
    maxCacheSize: 12,
    maxCacheBytes: 2 ** 20,
    gcThresholdK: 13,
    prewarm: false,
    snapshot: "./cache.bin",
    chat: "proxy",
    tito: "strict",
    engine: "vllm",
    contextTokens: 32768,
    chatTemplate: "template.jinja",
    toolCallParser: "hermes",
    reasoningParser: "think",
    sessionsMax: 17,
    sessionIdleMs: 18,
    sessionBytesMax: 2 ** 20,
    sessionTurnsMax: 19,
    onAbort: "return",
    abortRetries: 14,
    abortRetryWaitMs: 15,
    middleware: ["./a.ts", "./b.ts"],
    apiKey: "key",
    workerApiKey: "worker-key",
    shutdownTimeoutMs: 16,
    logFormat: "json",
    logLevel: "error",
    verbose: true,
  };
  const args = SETTINGS.flatMap(({ key, flag, placeholder }) => {
    const value = values[key];
    if (placeholder === null) return [flag];
    return [value].flat().flatMap((each) => [flag, String(each)]);
  });
  const { code, given, err } = await run(["serve", ...args]);
  assert.equal(code, 0, err);
  assert.deepEqual(given, values);
});

Deno.test("runProgram() serve reads the file that flag or variable names; the flag goes first", async () => {
  const files = { "a.json": '{"port": 1}', "b.json": '{"port": 2}' };
  const env = { SLIME_ROUTER_CONFIG: "a.json" };
  const port = async (args: string[]) => ((await run(args, { env, files })).given as RouterConfig).port;
  assert.equal(await port(["serve"]), 1);
  assert.equal(await port(["serve", "--config", "b.json"]), 2);
  assert.equal(await port(["serve", "--config", "b.json", "--port", "3"]), 3);
});

Deno.test("runProgram() simulate and demo take their flags", async () => {
  const { given } = await run(
    "simulate --tokenizer tok --port 7 --count 2 --seed 3 --split-probability 0.5 --no-latency --host ::1"
      .split(" ")
      .concat("--incremental-streaming", "--weight-version", "v1", "--faults", '{"stall":{"next":1}}'),
  );
  const simulated = given as Record<string, unknown>;
  const expected = {
    tokenizer: "tok",
    hostname: "::1",
    port: 7,
    count: 2,
    seed: 3,
    splitProbability: 0.5,
    latency: false,
    incrementalStreaming: true,
    weightVersion: "v1",
    faults: { stall: { next: 1 } },
    runningMax: 1_024,
  };
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(simulated[key], value, key);
  assert.deepEqual((await run(["demo"])).given, { port: 0, once: false });
  assert.deepEqual((await run(["demo", "--port", "9", "--once"])).given, { port: 9, once: true });
});

Deno.test("runProgram() ends with 2 and one line when asked wrongly", async () => {
  const cases: [string[], string][] = [
    [["--nope"], "error: unknown option '--nope'"],
    [["nope"], "error: unknown command 'nope'"],
    [["serve", "extra"], "error: too many arguments for 'serve'. Expected 0 arguments but got 1: extra."],
    [["serve", "--polcy", "x"], "error: unknown option '--polcy' (Did you mean --policy?)"],
    [["serve", "--port", "x"], 'error: Cannot use --port: must be an integer from 0 to 65535, received "x"'],
    [["serve", "--config", "no.json"], 'error: Cannot read configuration "no.json": there is no such file'],
    [["simulate"], "error: Cannot simulate: --tokenizer is missing"],
    [
      ["simulate", "--tokenizer", "t", "--count", "1e3"],
      'error: Cannot use --count: must be an integer from 1 to 64, received "1e3"',
    ],
    [
      ["simulate", "--tokenizer", "t", "--split-probability", "2"],
      'error: Cannot use --split-probability: must be a number from 0 to 1, received "2"',
    ],
    [
      ["simulate", "--tokenizer", "t", "--faults", "[1]"],
      'error: Cannot use --faults: must be a JSON object, received "[1]"',
    ],
    [
      ["simulate", "--tokenizer", "t", "--faults", "{"],
      'error: Cannot use --faults: must be a JSON object, received "{"',
    ],
    [
      ["demo", "--port", "99999"],
      'error: Cannot use --port: must be an integer from 0 to 65535, received "99999"',
    ],
  ];
  for (const [args, line] of cases) {
    const { code, out, err, called } = await run(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(err, `${line}\n`);
    assert.equal(out, "");
    assert.deepEqual(called, []);
  }
});

Deno.test("runProgram() without a command shows the help and ends with 2", async () => {
  const { code, err } = await run([]);
  assert.equal(code, 2);
  assert.match(err, /^Usage: slime-router/);
});

Deno.test("runProgram() ends with 1 when a command fails, with 2 when what it was given cannot be used", async () => {
  const failed = await run(["serve"], { fail: new Error("Cannot listen:\n  the port is in use") });
  assert.deepEqual([failed.code, failed.err], [1, "error: Cannot listen: the port is in use\n"]);
  const unread = await run(["serve"], { fail: new TokenizerLoadError("Cannot load tokenizer: no file") });
  assert.deepEqual([unread.code, unread.err], [2, "error: Cannot load tokenizer: no file\n"]);
});

Deno.test("runProgram() --help tells every flag of serve with default and variable, in groups", async () => {
  const { code, out } = await run(["serve", "--help"]);
  assert.equal(code, 0);
  for (const { flag } of SETTINGS) assert.ok(out.includes(`${flag} `), flag);
  for (const group of ["Server:", "Workers:", "Health:", "Token cache:", "Weight updates:", "Logs:"]) {
    assert.ok(out.includes(`\n${group}\n`), group);
  }
  assert.match(out, /default:\s+30000;\s+SLIME_ROUTER_PORT/);
  for (const command of ["simulate", "demo"]) assert.equal((await run([command, "--help"])).code, 0);
});

Deno.test("runProgram() --version tells the project's version", async () => {
  assert.equal(VERSION, project.version);
  assert.equal((await run(["--version"])).out, `${VERSION}\n`);
});

Deno.test("announcement() names address, workers, tokenizer and cache", () => {
  const pool = new WorkerPool({ clock: systemClock });
  const registry = new ComponentRegistry();
  const router = { config: DEFAULT_CONFIG, pool, registry };
  assert.equal(
    announcement(router, "http://h:1").line,
    "slime-router listening on http://h:1 · 0 workers · no tokenizer, no token cache",
  );
  pool.add("http://a:1");
  registry.register("tokenizer", { backend: "kitoken", source: "./qwen" });
  registry.register("radix_tree", {});
  const { line, properties } = announcement(router, "http://h:1");
  assert.equal(
    line,
    "slime-router listening on http://h:1 · 1 worker · tokenizer ./qwen (kitoken) · cache 16777216 tokens",
  );
  assert.deepEqual(properties, {
    url: "http://h:1",
    workers: 1,
    policy: "least_load",
    tokenizer: "./qwen",
    tokenizer_backend: "kitoken",
    max_cache_size: 16_777_216,
  });
});
