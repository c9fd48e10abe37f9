import assert from "node:assert/strict";
import { createSite } from "../../examples/embed_in_hono.ts";
import turnCounting, { getOr, TurnCounter } from "../../examples/custom_component.ts";
import loggingMiddleware from "../../examples/logging_middleware.ts";
import { serveHandler } from "../../src/platform/deno_serve.ts";
import { loadMiddleware } from "../../src/platform/load_middleware.ts";
import { answerOf } from "../support/answers.ts";
import { chatPrompt, createHarness } from "../support/router_harness.ts";
import { loadTinyTokenizer } from "../support/tiny_tokenizer.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const HELLO = { text: chatPrompt("hello"), sampling_params: { max_new_tokens: 4 } };

Deno.test("examples/logging_middleware.ts: a line a request when verbose, none otherwise", async () => {
  for (const verbose of [true, false]) {
    const lines: string[] = [];
    let nowMs = 0;
    const options = { write: (line: string) => void lines.push(line), now: () => nowMs += 12.34 };
    await using h = await createHarness({
      config: { verbose },
      deps: { middleware: [({ router }) => loggingMiddleware({ router }, options)] },
    });
    await h.postOk("/generate", HELLO);
    await answerOf(h.request("/list_workers?x=1"));
    await answerOf(h.request("/nothing"));
    assert.deepEqual(
      lines,
      verbose
        ? [
          "[POST] /generate - 200 (12.3 ms)",
          "[GET] /list_workers - 200 (12.3 ms)",
          "[GET] /nothing - 404 (12.3 ms)",
        ]
        : [],
    );
  }
});

Deno.test("examples: the plugins load by path, as --middleware loads them", async () => {
  const paths = ["logging_middleware.ts", "custom_component.ts"].map((file) => new URL(file, EXAMPLES).href);
  await using h = await createHarness({ deps: { middleware: await loadMiddleware(paths) } });
  await h.postOk("/generate", HELLO);
  assert.ok(h.router.registry.has("turn_counter"));
});

Deno.test("examples/custom_component.ts: registers a component, uses it, and ends it with the router", async () => {
  const h = await createHarness({ deps: { middleware: [turnCounting] } });
  const counter = h.router.registry.get<TurnCounter>("turn_counter");
  const turn = async (session?: string) => {
    const reply = await h.post("/generate", HELLO, session ? { headers: { "x-session-id": session } } : {});
    await reply.text();
    return reply.headers.get("x-turn");
  };
  assert.deepEqual(
    [await turn("a"), await turn("a"), await turn("b"), await turn(), await turn("a")],
    ["1", "2", "1", null, "3"],
  );
  h.engines[0]!.faults.httpError.next = 1;
  assert.equal(await turn("a"), null, "a failed turn is none");
  const { body } = await answerOf(h.request("/turns"));
  assert.deepEqual(body, { sessions: 2, cached_tokens: h.router.cache!.stats().tokens });
  await h.router.close();
  assert.equal(counter.sessions, 0);
});

Deno.test("examples/custom_component.ts: a component that is missing is no failure", async () => {
  await using h = await createHarness({ withTokenizer: false, deps: { middleware: [turnCounting] } });
  assert.deepEqual((await answerOf(h.request("/turns"))).body, { sessions: 0, cached_tokens: null });
  assert.equal(getOr(h.router.registry, "no such", 7), 7);
});

Deno.test("examples/custom_component.ts: the counter forgets the session that was used longest ago", () => {
  const counter = new TurnCounter({ sessionsMax: 2 });
  for (const session of ["a", "b", "a", "c"]) counter.count(session);
  assert.deepEqual([counter.sessions, counter.count("a"), counter.count("b")], [2, 3, 1]);
});

Deno.test("examples/embed_in_hono.ts: the router lives under its prefix, workers never see it", async () => {
  await using h = await createHarness();
  const { app, router } = await createSite({ workers: h.urls }, {
    healthChecks: false,
    fetch: (input, init) => h.engines[0]!.fetch(new Request(input, init)),
  });
  assert.match(await (await app.request("/")).text(), /under \/llm/);
  assert.deepEqual((await answerOf(app.request("/llm/list_workers"))).body, { urls: h.urls });
  const init = { method: "POST", body: JSON.stringify(HELLO) };
  assert.equal((await answerOf(app.request("/llm/generate", init))).status, 200);
  assert.equal((await answerOf(app.request("/llm/v1/models?a=1"))).status, 200);
  assert.deepEqual(h.engines[0]!.state.requests.map(({ path, search }) => path + search), [
    "/generate",
    "/v1/models?a=1",
  ]);
  await router.close();
});

/** The calls of `trainer_client.py`, as rows of id, mask, logprob, version. */
async function trainingRows(post: (path: string, body: unknown) => Promise<Record<string, unknown>>) {
  const sampled: number[] = [];
  let text = "";
  for (const question of ["What is a radix tree?", "And what is it good for?"]) {
    text += chatPrompt(question);
    const reply = await post("/generate", { text, sampling_params: { max_new_tokens: 64 } });
    sampled.push(...reply.output_ids as number[]);
    text += `${reply.text}<|im_end|>\n`;
  }
  const { tokens, loss_mask, rollout_logp, generation_versions } = await post("/retrieve_from_text", {
    text,
    insert: false,
  }) as Record<string, unknown[]>;
  const rows = tokens!.map((id, i) => [id, loss_mask![i], rollout_logp![i], generation_versions![i]]);
  return { rows, sampled };
}

/** What a program prints, or null when this machine does not have it. */
async function outputOf(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

// Where there is no Python the calls are made from here alone: the same calls, the same assertions.
Deno.test("examples/trainer_client.py: its calls give exactly what was sampled, and it prints that", async () => {
  const { tokenizer } = await loadTinyTokenizer();
  const stop = tokenizer.tokenToId("<|im_end|>")!;
  tokenizer.close();
  await using h = await createHarness({
    engine: {
      weightVersion: "3",
      // Letter by letter: never what encoding the text would give.
      script({ ordinal }) {
        const ids = [...new TextEncoder().encode(["HAVING the json", "hello world"][ordinal % 2]), stop];
        return { ids, logprobs: ids.map((_, i) => -(i + 1) / 8) };
      },
    },
  });
  const session = { headers: { "x-session-id": "example" } };
  const { rows, sampled } = await trainingRows(async (path, body) =>
    (await answerOf(h.post(path, body, session))).body
  );
  assert.deepEqual(rows.filter(([, mask]) => mask === 1).map(([id]) => id), sampled);
  assert.ok(rows.every(([, mask, logprob, version]) => mask === 1 ? version === 3 : logprob === 0));

  const file = new URL("trainer_client.py", EXAMPLES);
  assert.ok((await Deno.readTextFile(file)).trimEnd().split("\n").length <= 20);
  const server = serveHandler(h.router, { hostname: "127.0.0.1", port: 0 });
  const printed = await outputOf("python3", file.pathname, server.url).finally(() => server.shutdown(1_000));
  if (printed === null) return;
  const printedRows = printed.trimEnd().split("\n").map((line) => line.split(" ").map(Number));
  assert.deepEqual(printedRows, rows);
});

Deno.test("examples/read_export.py: counts the rows and the trained tokens of every format and shape", async () => {
  await using h = await createHarness();
  const messages = [{ role: "user", content: "hello" }];
  const chat = { messages, max_tokens: 4, ignore_eos: true };
  for (const session of ["a", "b"]) await h.postOk(`/sessions/${session}/v1/chat/completions`, chat);
  const folder = await Deno.makeTempDir();
  try {
    for (const format of ["jsonl", "safetensors"]) {
      for (const shape of ["native", "slime", "verl", "trl"]) {
        const file = `${folder}/${shape}.${format}`;
        const reply = await h.request(`/export?format=${format}&shape=${shape}`);
        await Deno.writeFile(file, await reply.bytes());
        const printed = await outputOf("python3", new URL("read_export.py", EXAMPLES).pathname, file);
        if (printed !== null) assert.equal(printed, "2 rows, 8 tokens to train\n", `${format}, ${shape}`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
