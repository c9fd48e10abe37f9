import assert from "node:assert/strict";
import { NoWorkerError } from "../../../src/errors.ts";
import { WorkerPool } from "../../../src/worker/pool.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { names, stateOf, testPool, trip } from "./support.ts";

Deno.test("WorkerPool.add() registers a worker: healthy, idle, in order", () => {
  const { pool } = testPool();
  const { worker, added, restarted } = pool.add("HTTP://A:30000/", { type: "prefill", bootstrapPort: 8998 });
  assert.deepEqual({ added, restarted }, { added: true, restarted: false });
  assert.deepEqual(
    [worker.id, worker.url, worker.type, worker.bootstrapPort, worker.inFlight, worker.isHealthy],
    ["w-001", "http://a:30000", "prefill", 8998, 0, true],
  );
  pool.add("http://b");
  pool.add("http://c");
  assert.deepEqual(names(pool.list()), ["a:30000", "b", "c"]);
  assert.deepEqual([pool.size, pool.healthyCount], [3, 3]);
});

Deno.test("WorkerPool.add() of a known URL, in any spelling, changes nothing", () => {
  const { pool } = testPool();
  const { worker } = pool.add("http://a");
  using _lease = worker.begin();
  const again = pool.add("HTTP://A:80/", { type: "decode" });
  assert.deepEqual({ ...again, worker: again.worker.id }, {
    worker: worker.id,
    added: false,
    restarted: false,
  });
  assert.deepEqual([worker.type, worker.inFlight, pool.size], ["regular", 1, 1]);
});

Deno.test("WorkerPool.add() gives a dead, draining or circuit-open worker a fresh start, its load kept", () => {
  const downs: Record<string, (worker: ReturnType<WorkerPool["list"]>[number]) => void> = {
    dead: (worker) => worker.recordProbeFailure("down", 1),
    draining: (worker) => void worker.drain(),
    "circuit open": (worker) => trip(worker),
  };
  for (const [name, bringDown] of Object.entries(downs)) {
    const { pool } = testPool();
    const { worker } = pool.add("http://a");
    using _lease = worker.begin();
    bringDown(worker);
    assert.deepEqual(names(pool.candidates()), [], name);
    const again = pool.add("http://a");
    assert.deepEqual([again.worker, again.added, again.restarted], [worker, false, true], name);
    assert.deepEqual(names(pool.candidates()), ["a"], name);
    assert.deepEqual(
      [worker.isHealthy, worker.failedProbes, worker.circuitState, worker.isDraining, worker.inFlight],
      [true, 0, "closed", false, 1],
      name,
    );
  }
});

const BAD_ADDS: [why: string, url: unknown, options: Record<string, unknown>, error: ErrorConstructor][] = [
  ["a bad URL", "gpu-3:30000", {}, TypeError],
  ["an unknown type", "http://a", { type: "fast" }, TypeError],
  ["a null type", "http://a", { type: null }, TypeError],
  ["port 0", "http://a", { bootstrapPort: 0 }, RangeError],
  ["port 65536", "http://a", { bootstrapPort: 65_536 }, RangeError],
  ["a port as text", "http://a", { bootstrapPort: "80" }, RangeError],
];

for (const [why, url, options, error] of BAD_ADDS) {
  Deno.test(`WorkerPool.add() refuses ${why} and changes nothing`, () => {
    const { pool } = testPool();
    assert.throws(() => pool.add(url, options), (thrown: Error) => {
      assert.ok(thrown instanceof error);
      assert.match(thrown.message, /^Cannot add worker/);
      return true;
    });
    assert.equal(pool.size, 0);
  });
}

Deno.test("WorkerPool.add() holds its bound", () => {
  const { pool } = testPool({ maxWorkers: 2 });
  pool.add("http://a");
  pool.add("http://b");
  assert.throws(() => pool.add("http://c"), {
    name: "RangeError",
    message: /the pool is full \(2 workers\)/,
  });
  assert.equal(pool.add("http://b").added, false);
  pool.remove("http://a");
  assert.equal(pool.add("http://c").added, true);
});

Deno.test("WorkerPool makes ids that are unique, URL-safe and no prefix of one another", () => {
  const pool = new WorkerPool({ clock: new FakeClock() });
  for (let i = 0; i < 1_000; i++) pool.add(`http://gpu-${i}`);
  const ids = pool.list().map((worker) => worker.id).sort();
  assert.equal(new Set(ids).size, 1_000);
  for (const [index, id] of ids.entries()) {
    assert.equal(encodeURIComponent(id), id);
    assert.ok(!ids[index + 1]?.startsWith(id), `${id} ${ids[index + 1]}`);
  }
});

Deno.test("WorkerPool.add() draws another id when one is taken, by a draining worker too, and gives up in the end", () => {
  const drawn = ["w-1", "w-1", "w-1", "w-2", ...Array(8).fill("w-2")];
  const pool = new WorkerPool({ clock: new FakeClock(), newId: () => drawn.shift()! });
  const { worker } = pool.add("http://a");
  using _lease = worker.begin();
  pool.remove("http://a");
  assert.equal(pool.add("http://a").worker.id, "w-2");
  assert.throws(() => pool.add("http://b"), { message: /8 ids in a row were taken/ });
});

Deno.test("WorkerPool.get() and getById() find registered workers only", () => {
  const { pool } = testPool();
  const { worker } = pool.add("http://a:1/base/");
  assert.equal(pool.get("http://A:1/base"), worker);
  assert.equal(pool.getById(worker.id), worker);
  assert.equal(pool.get("http://a:1"), null);
  assert.equal(pool.get("no url"), null);
  assert.equal(pool.getById("w-999"), null);
});

Deno.test("WorkerPool.remove() of an unknown worker gives null", () => {
  const { pool } = testPool();
  assert.equal(pool.remove("http://a"), null);
  assert.equal(pool.remove("no url"), null);
  assert.equal(pool.removeById("w-001"), null);
});

Deno.test("WorkerPool.remove() of an idle worker is drained at once", async () => {
  const { pool } = testPool();
  pool.add("http://a");
  assert.equal(await stateOf(pool.remove("http://a")!), "resolved");
  assert.equal(pool.remove("http://a"), null);
  assert.deepEqual([pool.size, pool.totalInFlight], [0, 0]);
});

Deno.test("WorkerPool.remove() takes the worker out at once and drains when its last request ends", async () => {
  const { pool } = testPool();
  const { worker } = pool.add("http://a");
  pool.add("http://b");
  const leases = [worker.begin(), worker.begin()];
  const drained = pool.removeById(worker.id)!;
  assert.deepEqual(names(pool.list()), ["b"]);
  assert.deepEqual(names(pool.candidates()), ["b"]);
  assert.deepEqual(pool.loads(), { "http://b": 0 });
  assert.deepEqual([pool.totalInFlight, pool.get("http://a"), pool.getById(worker.id)], [2, null, null]);
  leases[0]![Symbol.dispose]();
  assert.equal(await stateOf(drained), "pending");
  leases[1]![Symbol.dispose]();
  assert.equal(await stateOf(drained), "resolved");
  assert.equal(pool.totalInFlight, 0);
});

Deno.test("WorkerPool.add() of a URL that still drains makes another worker, with a count of its own", async () => {
  const { pool } = testPool();
  const old = pool.add("http://a").worker;
  const lease = old.begin();
  const drained = pool.remove("http://a")!;
  const fresh = pool.add("http://a");
  assert.ok(fresh.added && fresh.worker !== old && fresh.worker.id !== old.id);
  assert.deepEqual([pool.loads(), pool.totalInFlight], [{ "http://a": 0 }, 1]);
  using _second = fresh.worker.begin();
  lease[Symbol.dispose]();
  assert.equal(await stateOf(drained), "resolved");
  assert.deepEqual([old.inFlight, fresh.worker.inFlight, pool.loads()], [0, 1, { "http://a": 1 }]);
});

Deno.test("WorkerPool.remove() stops waiting when its signal aborts; the drain goes on", async () => {
  const { pool } = testPool();
  const { worker } = pool.add("http://a");
  const lease = worker.begin();
  const giveUp = new AbortController();
  const drained = pool.remove("http://a", giveUp.signal)!;
  giveUp.abort(new Error("10 s are over"));
  await assert.rejects(drained, /10 s are over/);
  assert.throws(() => worker.begin(), NoWorkerError);
  const patient = pool.close();
  lease[Symbol.dispose]();
  assert.equal(await stateOf(patient), "resolved");
});

Deno.test("WorkerPool.candidates() are healthy, not draining, of the type, not excluded, in order", () => {
  const { pool } = testPool();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((host) => pool.add(`http://${host}`).worker);
  pool.add("http://p", { type: "prefill" });
  assert.deepEqual(names(pool.candidates()), ["a", "b", "c", "d"]);
  assert.deepEqual(names(pool.candidates(new Set(), "prefill")), ["p"]);
  assert.deepEqual(names(pool.candidates(new Set(), "decode")), []);
  assert.deepEqual(names(pool.candidates(new Set([b!.id, "w-999"]))), ["a", "c", "d"]);
  a!.recordProbeFailure("down", 1);
  void c!.drain();
  trip(d!);
  assert.deepEqual(names(pool.candidates()), ["b"]);
  assert.deepEqual([pool.size, pool.healthyCount], [5, 3]);
  a!.recordProbeSuccess();
  d!.recordSuccess();
  assert.deepEqual(names(pool.candidates()), ["a", "b", "d"]);
});

Deno.test("WorkerPool.candidates() is one array until something changes, and an old array never changes", () => {
  const { pool } = testPool();
  pool.add("http://a");
  const before = pool.candidates();
  pool.list()[0]!.begin()[Symbol.dispose]();
  assert.equal(pool.candidates(), before);
  pool.add("http://b");
  assert.notEqual(pool.candidates(), before);
  assert.deepEqual(names(before), ["a"]);
});

Deno.test("WorkerPool.candidates() offers a half-open worker to one request at a time", async () => {
  const { pool, clock } = testPool({ circuitBreaker: { failureThreshold: 2, cooldownMs: 100 } });
  const { worker } = pool.add("http://a");
  pool.add("http://b");
  trip(worker, 2);
  assert.deepEqual(names(pool.candidates()), ["b"]);
  await clock.advance(99);
  assert.deepEqual(names(pool.candidates()), ["b"]);
  await clock.advance(1);
  assert.deepEqual(names(pool.candidates()), ["a", "b"]);

  const left = worker.begin();
  assert.deepEqual(names(pool.candidates()), ["b"], "a trial is under way");
  left[Symbol.dispose]();
  assert.deepEqual(names(pool.candidates()), ["a", "b"], "its client left: no outcome");

  const failed = worker.begin();
  worker.recordConnectFailure();
  failed[Symbol.dispose]();
  assert.deepEqual(names(pool.candidates()), ["b"], "it failed: open again");
  await clock.advance(100);

  using _lasting = worker.begin();
  worker.recordSuccess();
  assert.deepEqual(names(pool.candidates()), ["a", "b"], "its first byte came: closed, though it lasts");
});

Deno.test("WorkerPool.candidates() offers a half-open worker again when its trial outlasts a cooldown", async () => {
  const { pool, clock } = testPool({ circuitBreaker: { failureThreshold: 1, cooldownMs: 100 } });
  const { worker } = pool.add("http://a");
  trip(worker, 1);
  await clock.advance(100);
  using _first = worker.begin();
  assert.deepEqual(names(pool.candidates()), []);
  await clock.advance(100);
  assert.deepEqual(names(pool.candidates()), ["a"]);
});

Deno.test("WorkerPool tells its listeners every change once, after it took effect", async () => {
  const heard: string[] = [];
  const { pool } = testPool({ onChange: (change, worker) => heard.push(`${change} ${names([worker])}`) });
  const sizes: number[] = [];
  const unsubscribe = pool.subscribe(() => sizes.push(pool.size));
  const { worker } = pool.add("http://a");
  pool.add("http://a");
  trip(worker, 9);
  worker.recordSuccess();
  for (let i = 0; i < 4; i++) worker.recordProbeFailure("down", 2);
  worker.recordProbeSuccess();
  void worker.drain();
  pool.add("http://a");
  unsubscribe();
  const lease = worker.begin();
  const drained = pool.remove("http://a")!;
  trip(worker); // after its removal: no news
  lease[Symbol.dispose]();
  await drained;
  const expected = [
    "added",
    "circuit_opened",
    "circuit_closed",
    "unhealthy",
    "healthy",
    "draining",
    "drained",
    "restarted",
    "removed",
    "draining",
    "drained",
  ];
  assert.deepEqual(heard, expected.map((change) => `${change} a`));
  assert.deepEqual(sizes, Array(8).fill(1));
});

Deno.test("WorkerPool.close() removes all, takes no more, and waits for what is in flight", async () => {
  const { pool } = testPool();
  const gone = pool.add("http://a").worker.begin();
  pool.remove("http://a");
  const there = pool.add("http://b").worker.begin();
  const closed = pool.close();
  assert.deepEqual([pool.size, pool.candidates().length, pool.totalInFlight], [0, 0, 2]);
  assert.throws(() => pool.add("http://c"), /the pool is closed/);
  gone[Symbol.dispose]();
  assert.equal(await stateOf(closed), "pending");
  there[Symbol.dispose]();
  assert.equal(await stateOf(closed), "resolved");
  await pool.close();
});

Deno.test("WorkerPool.close() stops waiting when its signal aborts", async () => {
  const { pool } = testPool();
  using _lease = pool.add("http://a").worker.begin();
  await assert.rejects(pool.close(AbortSignal.abort(new Error("enough"))), /enough/);
});
