import assert from "node:assert/strict";
import { RouterError } from "../../../src/errors.ts";
import {
  ENCODE_ABANDON_UNITS,
  ENCODE_QUEUE_MAX,
  EncodePool,
  type EncodeWorkerLike,
} from "../../../src/tokenizer/encode_pool.ts";
import type { EncodeReply, EncodeRequest, WireText } from "../../../src/tokenizer/encode_protocol.ts";

/** A worker that answers when told to. */
class WorkerDouble implements EncodeWorkerLike {
  onmessage: ((event: MessageEvent<EncodeReply>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly received: EncodeRequest[] = [];
  isTerminated = false;

  postMessage(message: EncodeRequest): void {
    this.received.push(message);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  reply(data: EncodeReply): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  /** Answers the text in work with its length. */
  answer(): void {
    const request = this.received.at(-1);
    assert.ok(request?.type === "encode");
    this.reply({ type: "ids", encoded: encodedAs(request.text.length) });
  }

  texts(): string[] {
    return this.received.flatMap((request) => request.type === "encode" ? [request.text] : []);
  }
}

/** What the double makes of a text of that length. */
function encodedAs(length: number): WireText {
  return { ids: Uint32Array.of(length), idDigits: new Uint8Array(), splicePoints: new Uint32Array() };
}

function poolOfDoubles(): { pool: EncodePool; workers: WorkerDouble[] } {
  const workers: WorkerDouble[] = [];
  const source = {
    form: "file",
    backend: "huggingface",
    source: "double",
    file: new Uint8Array([1, 2, 3]),
  } as const;
  const pool = new EncodePool(source, () => {
    workers.push(new WorkerDouble());
    return workers.at(-1)!;
  });
  return { pool, workers };
}

const withCode = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RouterError);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

Deno.test("EncodePool starts its worker with the first text and hands it one text at a time", async () => {
  const { pool, workers } = poolOfDoubles();
  assert.equal(workers.length, 0);
  const first = pool.encode("a"), second = pool.encode("bb");
  const [worker] = workers;
  assert.deepEqual(worker!.received.map((request) => request.type), ["start"]);
  worker!.reply({ type: "ready" });
  assert.deepEqual(worker!.texts(), ["a"]);
  worker!.answer();
  assert.deepEqual(worker!.texts(), ["a", "bb"]);
  worker!.answer();
  assert.deepEqual([await first, await second], [encodedAs(1), encodedAs(2)]);
  assert.equal(workers.length, 1);
});

Deno.test("EncodePool.encode() passes on what stands before a text, and whether it is a prompt", async () => {
  const { pool, workers } = poolOfDoubles();
  const encoded = pool.encode("a", { anchor: "<s>", isPrompt: true });
  workers[0]!.reply({ type: "ready" });
  assert.deepEqual(workers[0]!.received.at(-1), { type: "encode", text: "a", anchor: "<s>", isPrompt: true });
  workers[0]!.answer();
  await encoded;
});

Deno.test("EncodePool fails what waits when its worker fails, and starts another for the next text", async () => {
  const failures: [string, (worker: WorkerDouble) => void][] = [
    ["reply", (worker) => worker.reply({ type: "failed", message: "trap" })],
    ["event", (worker) => worker.onerror?.(new ErrorEvent("error", { message: "trap", cancelable: true }))],
  ];
  for (const [name, fail] of failures) {
    const { pool, workers } = poolOfDoubles();
    const inWork = pool.encode("a"), waiting = pool.encode("b");
    workers[0]!.reply({ type: "ready" });
    fail(workers[0]!);
    await assert.rejects(inWork, withCode("tokenizer_failed", /worker failed \(trap\)/), name);
    await assert.rejects(waiting, withCode("tokenizer_failed", /worker failed/), name);
    assert.equal(workers[0]!.isTerminated, true);
    const next = pool.encode("ccc");
    workers[1]!.reply({ type: "ready" });
    workers[0]!.reply({ type: "ids", encoded: encodedAs(99) }); // a late word of the old one
    workers[1]!.answer();
    assert.deepEqual(await next, encodedAs(3));
  }
});

Deno.test("EncodePool drops a waiting text when its signal aborts", async () => {
  const { pool, workers } = poolOfDoubles();
  const controller = new AbortController();
  const first = pool.encode("a"),
    dropped = pool.encode("b", { signal: controller.signal }),
    last = pool.encode("cc");
  workers[0]!.reply({ type: "ready" });
  controller.abort(new Error("left"));
  await assert.rejects(dropped, /left/);
  workers[0]!.answer();
  workers[0]!.answer();
  assert.deepEqual(workers[0]!.texts(), ["a", "cc"]);
  assert.deepEqual([await first, await last], [encodedAs(1), encodedAs(2)]);
  await assert.rejects(pool.encode("d", { signal: AbortSignal.abort(new Error("gone")) }), /gone/);
});

Deno.test("EncodePool lets its worker finish an aborted text, and ends it when the text is huge", async () => {
  for (const [units, workersUsed] of [[1000, 1], [ENCODE_ABANDON_UNITS + 1, 2]] as const) {
    const { pool, workers } = poolOfDoubles();
    const controller = new AbortController();
    const aborted = pool.encode("x".repeat(units), { signal: controller.signal }), next = pool.encode("a");
    workers[0]!.reply({ type: "ready" });
    controller.abort(new Error("left"));
    await assert.rejects(aborted, /left/);
    assert.equal(workers[0]!.isTerminated, workersUsed === 2);
    if (workersUsed === 1) workers[0]!.answer();
    else workers[1]!.reply({ type: "ready" });
    workers.at(-1)!.answer();
    assert.deepEqual(await next, encodedAs(1));
    assert.equal(workers.length, workersUsed);
  }
});

Deno.test("EncodePool refuses more texts than ENCODE_QUEUE_MAX", async () => {
  const { pool } = poolOfDoubles();
  const waiting = Array.from({ length: ENCODE_QUEUE_MAX }, () => pool.encode("a"));
  await assert.rejects(
    pool.encode("b"),
    withCode("tokenizer_busy", /1024 texts of 1024 characters wait already/),
  );
  pool.close();
  const outcomes = await Promise.allSettled(waiting);
  assert.ok(outcomes.every((outcome) => outcome.status === "rejected"));
});

Deno.test("EncodePool is of no more use once closed", async () => {
  const { pool, workers } = poolOfDoubles();
  const waiting = pool.encode("a");
  pool.close();
  await assert.rejects(waiting, withCode("tokenizer_failed", /is closed/));
  await assert.rejects(pool.encode("b"), withCode("tokenizer_failed", /is closed/));
  assert.equal(workers[0]!.isTerminated, true);
});
