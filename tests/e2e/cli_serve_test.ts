import assert from "node:assert/strict";
import { CliFolder, CliProcess, runCli } from "../support/cli_process.ts";
import { settle } from "../support/fake_clock.ts";

/** A simulated engine and a router in front of it, each a process. */
async function pair(folder: CliFolder, engineFlags: readonly string[], routerFlags: readonly string[]) {
  const stack = new AsyncDisposableStack();
  const engine = stack.use(
    new CliProcess(["simulate", "--tokenizer", folder.path, "--port", "0", ...engineFlags]),
  );
  const engineUrl = await engine.url();
  const router = stack.use(
    new CliProcess([
      "serve",
      "--port",
      "0",
      "--tokenizer",
      folder.path,
      "--worker",
      engineUrl,
      "--log-format",
      "pretty",
      ...routerFlags,
    ]),
  );
  const url = await router.url();
  return { router, url, engineUrl, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const stream = (url: string, tokens: number) =>
  fetch(`${url}/generate`, {
    method: "POST",
    body: JSON.stringify({
      text: "hello world",
      stream: true,
      sampling_params: { max_new_tokens: tokens, ignore_eos: true },
    }),
  });

Deno.test("serve answers, lists its workers and keeps the tokens", async () => {
  await using folder = await CliFolder.create();
  await using run = await pair(folder, ["--no-latency"], []);
  const reply = await fetch(`${run.url}/generate`, {
    method: "POST",
    body: JSON.stringify({ text: "hello world", sampling_params: { max_new_tokens: 16 } }),
  }).then((response) => response.json());
  const text = "hello world" + reply.text;
  const kept = await fetch(`${run.url}/retrieve_from_text`, {
    method: "POST",
    body: JSON.stringify({ text }),
  })
    .then((response) => response.json());
  assert.deepEqual(kept.tokens.slice(-reply.output_ids.length), reply.output_ids);
  const { urls } = await fetch(`${run.url}/list_workers`).then((response) => response.json());
  assert.deepEqual(urls, [run.engineUrl]);
  run.router.kill();
  const { code, err } = await run.router.ended();
  assert.equal(code, 0, err);
});

const isServed = (url: string) =>
  fetch(`${url}/health`).then((late) => late.text()).then(() => true, () => false);

const inFlight = async (url: string): Promise<number> => {
  const { router } = await fetch(`${url}/metrics`).then((response) => response.json());
  return Object.values<number>(router.worker_loads).reduce((sum, load) => sum + load, 0);
};

Deno.test("serve on SIGTERM stops accepting and finishes the stream in flight", async () => {
  await using folder = await CliFolder.create();
  await using run = await pair(folder, ["--no-latency"], []);
  const tell = async (path: string, body: object) => {
    const told = await fetch(`${run.engineUrl}/${path}`, { method: "POST", body: JSON.stringify(body) });
    assert.equal(told.status, 200, await told.text());
  };
  // The stream lasts as long as the engine rests.
  await tell("pause_generation", { mode: "in_place" });
  const response = stream(run.url, 200);
  while (await inFlight(run.url) === 0);
  run.router.kill("SIGTERM");
  await run.router.errMatch(/stopping on SIGTERM, 1 requests in flight/);
  while (await isServed(run.url));
  await tell("continue_generation", {});
  assert.match(await (await response).text(), /data: \[DONE\]\n\n$/);
  const { code, err } = await run.router.ended();
  assert.equal(code, 0, err);
  assert.match(err, /stopped/);
});

Deno.test("serve cuts off what is in flight after --shutdown-timeout-ms", async () => {
  await using folder = await CliFolder.create();
  const flags = ["--shutdown-timeout-ms", "50"];
  await using run = await pair(folder, ["--decode-ms-per-token", "1000"], flags);
  const response = await stream(run.url, 1_000);
  const reader = response.body!.getReader();
  await reader.read();
  run.router.kill("SIGINT");
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  });
  const { code, err } = await run.router.ended();
  assert.equal(code, 0, err);
  assert.match(err, /cutting 1 requests off after 50 ms/);
});

Deno.test("serve ends at once when it is told to stop again and again", async () => {
  await using folder = await CliFolder.create();
  await using run = await pair(folder, ["--decode-ms-per-token", "1000"], []);
  const response = await stream(run.url, 1_000);
  const reader = response.body!.getReader();
  await reader.read();
  run.router.kill("SIGTERM");
  await run.router.errMatch(/stopping on SIGTERM/);
  const ended = run.router.ended();
  // One that comes soon after the first is the same.
  for (let isOver = false; !isOver;) {
    run.router.kill("SIGTERM");
    isOver = await Promise.race([ended.then(() => true), settle().then(() => false)]);
  }
  assert.equal((await ended).code, 143);
  await reader.cancel().catch(() => {});
});

Deno.test("serve takes settings from file, variables and flags, and logs JSON when nobody watches", async () => {
  await using folder = await CliFolder.create();
  const config = await folder.write(
    "router.json",
    JSON.stringify({ "max-cache-size": 1_234, gcThresholdK: 3 }),
  );
  const env = { SLIME_ROUTER_GC_THRESHOLD_K: "4", SLIME_ROUTER_TOKENIZER: folder.path };
  await using router = new CliProcess(["serve", "--port", "0", "--config", config], env);
  const [line] = await router.errMatch(/^\{.*listening on.*\}$/m);
  const record = JSON.parse(line);
  assert.equal(record.level, "INFO");
  assert.equal(record.workers, 0);
  assert.equal(record.max_cache_size, 1_234);
  const { cache } = await fetch(`${record.url}/metrics`).then((response) => response.json());
  assert.equal(cache.max_cache_size, 1_234);
  assert.equal(cache.gc_threshold_k, 4);
});

Deno.test("serve loads middleware by path", async () => {
  await using folder = await CliFolder.create();
  const module = await folder.write(
    "stamp.ts",
    `export default ({ router }) => async function stamp(c, next) {
      await next();
      c.header("x-components", router.registry.list().length.toString());
    };\n`,
  );
  await using router = new CliProcess([
    "serve",
    "--port",
    "0",
    "--log-format",
    "pretty",
    "--middleware",
    module,
  ]);
  const response = await fetch(`${await router.url()}/health`);
  assert.equal((await response.json()).total_workers, 0);
  assert.match(response.headers.get("x-components") ?? "", /^[1-9]/);
});

Deno.test("serve and simulate end with 1 and one clear line when the port is in use", async () => {
  await using folder = await CliFolder.create();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(taken.addr.port);
  const [router, engine] = await Promise.all([
    runCli(["serve", "--port", port]),
    runCli(["simulate", "--port", port, "--tokenizer", folder.path]),
  ]);
  assert.equal(router.code, 1);
  assert.equal(router.err, `error: Cannot listen on 127.0.0.1:${port}: the port is in use\n`);
  assert.equal(engine.code, 1);
  assert.equal(engine.err, `error: Cannot listen on 127.0.0.1:${port} and following: the port is in use\n`);
});
