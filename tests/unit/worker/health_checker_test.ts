import assert from "node:assert/strict";
import {
  HEALTH_PROBES_MAX,
  type HealthChecker,
  type HealthCheckerOptions,
  startHealthChecker,
} from "../../../src/worker/health_checker.ts";
import type { WorkerPool } from "../../../src/worker/pool.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { type Answer, HealthHosts, names, stateOf, testPool, trip } from "./support.ts";

const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 300;
const THRESHOLD = 3;

interface Bench {
  readonly pool: WorkerPool;
  readonly clock: FakeClock;
  readonly hosts: HealthHosts;
  readonly checker: HealthChecker;
  readonly reports: string[];
}

/** A checker that runs over the given hosts; at its end it must have left no timer and no probe. */
async function withChecker(
  answers: Record<string, Answer>,
  run: (bench: Bench) => Promise<void>,
  options: Partial<HealthCheckerOptions> = {},
): Promise<void> {
  const { pool, clock } = testPool();
  const hosts = new HealthHosts(answers);
  const reports: string[] = [];
  for (const host of Object.keys(answers)) pool.add(`http://${host}`);
  const checker = startHealthChecker({
    pool,
    clock,
    fetch: hosts.fetch,
    intervalMs: INTERVAL_MS,
    timeoutMs: TIMEOUT_MS,
    failureThreshold: THRESHOLD,
    onChange: ({ url, isHealthy }) => reports.push(`${new URL(url).hostname} ${isHealthy ? "up" : "down"}`),
    ...options,
  });
  try {
    await settle();
    await run({ pool, clock, hosts, checker, reports });
  } finally {
    await checker.stop();
    assert.equal(clock.sleeping, 0, "no timer is left");
  }
}

Deno.test("startHealthChecker() probes at once and at the interval, under the base path", async () => {
  const { pool, clock } = testPool();
  const hosts = new HealthHosts();
  pool.add("http://a:30000/base/");
  const checker = startHealthChecker({ pool, clock, fetch: hosts.fetch, intervalMs: INTERVAL_MS });
  await settle();
  assert.deepEqual(hosts.asked, ["http://a:30000/base/health"]);
  await clock.advance(INTERVAL_MS - 1);
  assert.equal(hosts.asked.length, 1);
  await clock.advance(1);
  await clock.advance(INTERVAL_MS);
  assert.equal(hosts.asked.length, 3);
  await checker.stop();
  await clock.advance(10 * INTERVAL_MS);
  assert.equal(hosts.asked.length, 3);
});

Deno.test("startHealthChecker() takes any 2xx for well", async () => {
  await withChecker({ a: 200, b: 204, c: 299 }, async ({ pool, clock }) => {
    await clock.advance(THRESHOLD * INTERVAL_MS);
    assert.equal(pool.healthyCount, 3);
  });
});

const SICK: [answer: Answer, reason: string][] = [
  [500, "answered 500"],
  [503, "answered 503"],
  [404, "answered 404"],
  [302, "answered 302"],
  ["refuses", "connection refused"],
  ["hangs", "no answer within 300 ms"],
  ["ignores cancel", "no answer within 300 ms"],
];

for (const [answer, reason] of SICK) {
  Deno.test(`startHealthChecker() counts a worker dead after the threshold: ${answer}`, async () => {
    await withChecker({ a: answer, b: 200 }, async ({ pool, clock, reports }) => {
      await clock.advance((THRESHOLD - 2) * INTERVAL_MS + TIMEOUT_MS);
      assert.deepEqual(names(pool.candidates()), ["a", "b"]);
      await clock.advance(INTERVAL_MS);
      assert.deepEqual(names(pool.candidates()), ["b"]);
      assert.equal(pool.get("http://a")?.unhealthyReason, reason);
      await clock.advance(2 * INTERVAL_MS);
      assert.deepEqual(reports, ["a down"], "reported once");
    });
  });
}

Deno.test("startHealthChecker() probes a dead worker on; it returns at the first success, load untouched", async () => {
  await withChecker({ a: "refuses" }, async ({ pool, clock, hosts, reports }) => {
    const worker = pool.get("http://a")!;
    using _lease = worker.begin();
    trip(worker);
    await clock.advance(100 * INTERVAL_MS);
    assert.deepEqual([worker.isHealthy, worker.inFlight], [false, 1]);
    hosts.answer("a", 200);
    await clock.advance(INTERVAL_MS);
    assert.deepEqual(names(pool.candidates()), ["a"]);
    assert.deepEqual([worker.inFlight, worker.circuitState], [1, "closed"]);
    assert.deepEqual(reports, ["a down", "a up"]);
  });
});

Deno.test("startHealthChecker() counts failures in a row only", async () => {
  await withChecker({ a: 200 }, async ({ pool, clock, hosts }) => {
    for (let round = 0; round < 12; round++) {
      hosts.answer("a", round % THRESHOLD === THRESHOLD - 1 ? 200 : 500);
      await clock.advance(INTERVAL_MS);
      assert.equal(pool.healthyCount, 1);
    }
  });
});

Deno.test("startHealthChecker() lets a hanging worker delay nobody, in this round or the next", async () => {
  const slow = { timeoutMs: 100 * INTERVAL_MS };
  await withChecker({ a: "hangs", b: 500, c: 200 }, async ({ clock, hosts, pool }) => {
    assert.deepEqual([hosts.count("a"), hosts.count("b"), hosts.count("c")], [1, 1, 1]);
    await clock.advance(THRESHOLD * INTERVAL_MS);
    assert.deepEqual([hosts.count("a"), hosts.count("b"), hosts.count("c")], [1, 4, 4]);
    assert.equal(pool.get("http://b")?.isHealthy, false);
    hosts.answer("b", 200);
    await clock.advance(INTERVAL_MS);
    assert.equal(pool.get("http://b")?.isHealthy, true);
  }, slow);
});

Deno.test("startHealthChecker() never has more probes under way than its bound, and reaches everybody", async () => {
  const hosts = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`gpu-${i}`, "hangs" as Answer]));
  await withChecker(hosts, async ({ clock, hosts, pool }) => {
    assert.deepEqual([hosts.open, hosts.asked.length], [HEALTH_PROBES_MAX, HEALTH_PROBES_MAX]);
    await clock.advance(3 * TIMEOUT_MS);
    assert.equal(hosts.openMax, HEALTH_PROBES_MAX);
    assert.equal(new Set(hosts.asked).size, 150);
    assert.equal(hosts.open, 0);
    assert.ok(pool.list().every((worker) => worker.failedProbes === 1));
  });
});

Deno.test("startHealthChecker() takes a silent worker that delivers bytes for busy", async () => {
  await withChecker({ busy: "hangs", dead: "hangs" }, async ({ pool, clock }) => {
    for (let round = 0; round < 3 * THRESHOLD; round++) {
      pool.get("http://busy")!.recordActivity();
      await clock.advance(INTERVAL_MS);
    }
    assert.deepEqual(names(pool.candidates()), ["busy"]);
    await clock.advance((THRESHOLD + 1) * INTERVAL_MS);
    assert.deepEqual(names(pool.candidates()), [], "no bytes any more: dead as well");
  });
});

Deno.test("startHealthChecker() believes a worker that answers it is not well, whatever it delivers", async () => {
  await withChecker({ a: 503 }, async ({ pool, clock }) => {
    for (let round = 0; round < THRESHOLD; round++) {
      pool.get("http://a")!.recordActivity();
      await clock.advance(INTERVAL_MS);
    }
    assert.equal(pool.get("http://a")?.unhealthyReason, "answered 503");
  });
});

Deno.test("startHealthChecker() assumes a new worker healthy and probes it at once", async () => {
  await withChecker({}, async ({ pool, hosts }) => {
    hosts.answer("a", 500);
    const { worker } = pool.add("http://a");
    assert.equal(worker.isHealthy, true);
    await settle();
    assert.deepEqual([hosts.count("a"), worker.failedProbes], [1, 1]);
  });
});

Deno.test("startHealthChecker() probes anew after a fresh start; a probe from before it counts for nothing", async () => {
  await withChecker({ a: "hangs" }, async ({ pool, clock, hosts, reports }) => {
    const worker = pool.get("http://a")!;
    await clock.advance(TIMEOUT_MS - 1);
    trip(worker);
    hosts.answer("a", 200);
    assert.equal(pool.add("http://a").restarted, true);
    await clock.advance(TIMEOUT_MS);
    assert.deepEqual([hosts.count("a"), worker.isHealthy, worker.failedProbes], [2, true, 0]);
    assert.deepEqual(reports, []);
  }, { failureThreshold: 1 });
});

Deno.test("startHealthChecker() drops the probe of a removed worker", async () => {
  await withChecker({ a: "hangs" }, async ({ pool, clock, hosts, reports }) => {
    const worker = pool.get("http://a")!;
    pool.remove("http://a");
    await clock.advance(5 * INTERVAL_MS);
    assert.deepEqual([hosts.open, hosts.count("a"), worker.isHealthy], [0, 1, true]);
    assert.deepEqual(reports, []);
  }, { failureThreshold: 1 });
});

Deno.test("HealthChecker.checkNow() resolves when all verdicts are in, joining probes under way", async () => {
  await withChecker({ a: "hangs", b: 500 }, async ({ pool, clock, checker, hosts }) => {
    const checked = checker.checkNow();
    assert.equal(await stateOf(checked), "pending");
    await clock.advance(TIMEOUT_MS);
    assert.equal(await stateOf(checked), "resolved");
    assert.deepEqual([hosts.count("a"), hosts.count("b")], [1, 2]);
    assert.deepEqual(pool.list().map((worker) => worker.failedProbes), [1, 2]);
  });
});

Deno.test("HealthChecker.stop() cancels what is under way, changes nothing, and may be called twice", async () => {
  await withChecker({ a: "ignores cancel", b: "hangs" }, async ({ pool, clock, checker, hosts }) => {
    await Promise.all([checker.stop(), checker.stop()]);
    await checker.checkNow();
    pool.add("http://c");
    await clock.advance(10 * INTERVAL_MS);
    assert.equal(hosts.asked.length, 2);
    assert.equal(pool.healthyCount, 3);
  }, { failureThreshold: 1 });
});

Deno.test("startHealthChecker() goes on, and says so, when a listener throws", async () => {
  const errors: unknown[] = [];
  const logger = {
    info() {},
    warn() {},
    error: (_message: string, { error }: Record<string, unknown>) => errors.push(error),
  };
  const failure = new Error("listener broke");
  const onChange = () => {
    throw failure;
  };
  await withChecker({ a: 500 }, async ({ pool, clock, hosts }) => {
    assert.deepEqual(errors, [failure]);
    hosts.answer("a", 200);
    await clock.advance(INTERVAL_MS);
    assert.equal(pool.healthyCount, 1);
    await clock.advance(INTERVAL_MS);
    assert.equal(hosts.count("a"), 3);
  }, { onChange, logger, failureThreshold: 1 });
});

Deno.test("startHealthChecker() logs deaths with their reason, and returns", async () => {
  const lines: unknown[] = [];
  const logger = {
    info: (message: string, { url }: Record<string, unknown>) => lines.push(["info", message, url]),
    warn: (message: string, { reason }: Record<string, unknown>) => lines.push(["warn", message, reason]),
    error() {},
  };
  await withChecker({ a: 500 }, async ({ clock, hosts }) => {
    hosts.answer("a", 200);
    await clock.advance(INTERVAL_MS);
  }, { logger, failureThreshold: 1 });
  assert.deepEqual(lines, [
    ["warn", "worker {url} is unhealthy: {reason}", "answered 500"],
    ["info", "worker {url} is healthy again", "http://a"],
  ]);
});

Deno.test("startHealthChecker() cancels the body of an answer: it may never end", async () => {
  let isCancelled = false;
  const fetch = () =>
    Promise.resolve(new Response(new ReadableStream({ cancel: () => void (isCancelled = true) })));
  await withChecker({ a: 200 }, async ({ pool }) => {
    await settle();
    assert.equal(isCancelled, true);
    assert.equal(pool.healthyCount, 1);
  }, { fetch, failureThreshold: 1 });
});

for (const name of ["intervalMs", "timeoutMs", "failureThreshold"] as const) {
  for (const value of [0, -1, 0.5, NaN, Infinity]) {
    Deno.test(`startHealthChecker() refuses ${name} ${value}`, () => {
      const { pool, clock } = testPool();
      assert.throws(
        () => startHealthChecker({ pool, clock, fetch: new HealthHosts().fetch, [name]: value }),
        { name: "RangeError", message: new RegExp(`^Cannot start health checker: ${name} must be`) },
      );
    });
  }
}
