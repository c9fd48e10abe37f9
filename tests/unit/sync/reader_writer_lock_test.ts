import assert from "node:assert/strict";
import { ReaderWriterLock } from "../../../src/sync/reader_writer_lock.ts";

type Share = "read" | "write";

/** Lets every settled promise run its reactions. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Asks for the lock and writes down when it is given or refused. */
function ask(lock: ReaderWriterLock, share: Share, log: string[], name: string, signal?: AbortSignal) {
  const asked = { lease: null as Disposable | null, error: undefined as unknown };
  const settled = lock[share](signal).then(
    (lease) => {
      asked.lease = lease;
      log.push(name);
    },
    (error) => {
      asked.error = error;
      log.push(`${name} refused`);
    },
  );
  return Object.assign(asked, { settled });
}

const release = (lease: Disposable | null) => {
  assert.ok(lease, "not held");
  lease[Symbol.dispose]();
};

const IDLE = { readers: 0, writer: false, waiting: 0 };

Deno.test("tryRead() and tryWrite() answer by who holds the lock", () => {
  const cases: { held: Share[]; read: boolean; write: boolean }[] = [
    { held: [], read: true, write: true },
    { held: ["read"], read: true, write: false },
    { held: ["read", "read", "read"], read: true, write: false },
    { held: ["write"], read: false, write: false },
  ];
  for (const { held, read, write } of cases) {
    const lock = new ReaderWriterLock();
    const leases = held.map((share) => share === "read" ? lock.tryRead() : lock.tryWrite());
    assert.ok(leases.every((lease) => lease !== null));
    const writing = lock.tryWrite();
    assert.equal(writing !== null, write, `tryWrite() while ${held}`);
    writing?.[Symbol.dispose]();
    const reading = lock.tryRead();
    assert.equal(reading !== null, read, `tryRead() while ${held}`);
    reading?.[Symbol.dispose]();
    leases.forEach((lease) => release(lease));
    assert.deepEqual(lock.stats, IDLE);
  }
});

Deno.test("tryRead() and tryWrite() do not overtake a waiting writer", async () => {
  const lock = new ReaderWriterLock();
  const first = lock.tryRead();
  const writer = ask(lock, "write", [], "w");
  assert.equal(lock.tryRead(), null);
  assert.equal(lock.tryWrite(), null);
  release(first);
  await turn();
  release(writer.lease);
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("read() lets readers in together, write() one at a time", async () => {
  const lock = new ReaderWriterLock();
  const log: string[] = [];
  const askers = ["read", "read", "write", "write", "read"].map((share, index) =>
    ask(lock, share as Share, log, `${share}${index}`)
  );
  await turn();
  assert.deepEqual(log, ["read0", "read1"]);
  assert.deepEqual(lock.stats, { readers: 2, writer: false, waiting: 3 });
  release(askers[0]!.lease);
  await turn();
  assert.deepEqual(log, ["read0", "read1"]);
  release(askers[1]!.lease);
  await turn();
  assert.deepEqual(log, ["read0", "read1", "write2"]);
  assert.deepEqual(lock.stats, { readers: 0, writer: true, waiting: 2 });
  release(askers[2]!.lease);
  await turn();
  release(askers[3]!.lease);
  await turn();
  assert.deepEqual(log, ["read0", "read1", "write2", "write3", "read4"]);
  release(askers[4]!.lease);
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("write() is not starved by readers that keep coming", async () => {
  const lock = new ReaderWriterLock();
  const log: string[] = [];
  let held = ask(lock, "read", log, "r");
  await turn();
  const writer = ask(lock, "write", log, "w");
  for (let round = 0; round < 100 && !writer.lease; round++) {
    const next = ask(lock, "read", log, "r");
    await turn();
    if (held.lease) release(held.lease);
    held = next;
    await turn();
  }
  assert.deepEqual(log, ["r", "w"], "the writer enters as soon as the readers before it left");
  release(writer.lease);
  await turn();
  assert.deepEqual(log, ["r", "w", "r"]);
});

Deno.test("read() behind a writer enters in one batch up to the next writer", async () => {
  const lock = new ReaderWriterLock();
  const log: string[] = [];
  const writer = lock.tryWrite();
  const names = ["r1", "r2", "r3", "w4", "r5", "r6"];
  const askers = names.map((name) => ask(lock, name[0] === "r" ? "read" : "write", log, name));
  release(writer);
  await turn();
  assert.deepEqual(log, ["r1", "r2", "r3"]);
  askers.slice(0, 3).forEach((asker) => release(asker.lease));
  await turn();
  assert.deepEqual(log, ["r1", "r2", "r3", "w4"]);
  release(askers[3]!.lease);
  await turn();
  assert.deepEqual(log, names);
});

Deno.test("an aborted waiter is refused with the signal's reason and leaves no trace", async (t) => {
  const reason = new Error("enough");
  const positions = [
    { name: "at the head", queue: ["write", "read", "read"] as Share[], aborted: 0, after: ["1", "2"] },
    { name: "in the middle", queue: ["write", "write", "read"] as Share[], aborted: 1, after: ["0"] },
    { name: "at the tail", queue: ["write", "read", "write"] as Share[], aborted: 2, after: ["0"] },
    { name: "alone", queue: ["write"] as Share[], aborted: 0, after: [] },
  ];
  for (const { name, queue, aborted, after } of positions) {
    await t.step(name, async () => {
      const lock = new ReaderWriterLock();
      const log: string[] = [];
      const holder = lock.tryRead();
      const controllers = queue.map(() => new AbortController());
      const askers = queue.map((share, index) =>
        ask(lock, share, log, String(index), controllers[index]!.signal)
      );
      controllers[aborted]!.abort(reason);
      await turn();
      assert.equal(askers[aborted]!.error, reason);
      assert.equal(lock.stats.waiting, queue.length - 1 - (aborted === 0 ? after.length : 0));
      release(holder);
      await turn();
      assert.deepEqual(log.filter((entry) => !entry.includes("refused")), after);
      for (let round = 0; round < queue.length; round++) {
        for (const asker of askers) {
          if (asker.lease) release(asker.lease);
          asker.lease = null;
        }
        await turn();
      }
      assert.deepEqual(lock.stats, IDLE);
    });
  }
});

Deno.test("read() behind an aborted writer enters at once while readers hold the lock", async () => {
  const lock = new ReaderWriterLock();
  const log: string[] = [];
  const holder = lock.tryRead();
  const controller = new AbortController();
  ask(lock, "write", log, "w", controller.signal);
  const readers = [ask(lock, "read", log, "r1"), ask(lock, "read", log, "r2")];
  controller.abort();
  await turn();
  assert.deepEqual(lock.stats, { readers: 3, writer: false, waiting: 0 });
  [holder, ...readers.map((reader) => reader.lease)].forEach((lease) => release(lease));
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("read() and write() refuse a signal that is aborted already, even when the lock is free", async () => {
  const lock = new ReaderWriterLock();
  const reason = new Error("too late");
  await assert.rejects(lock.read(AbortSignal.abort(reason)), reason);
  await assert.rejects(lock.write(AbortSignal.abort(reason)), reason);
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("an abort after access was given changes nothing", async () => {
  const lock = new ReaderWriterLock();
  const controller = new AbortController();
  const blocker = lock.tryWrite();
  const waiting = lock.read(controller.signal);
  release(blocker);
  controller.abort();
  const lease = await waiting;
  assert.deepEqual(lock.stats, { readers: 1, writer: false, waiting: 0 });
  release(lease);
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("a waiter takes its listener off the signal", async () => {
  let listeners = 0;
  class CountingSignal extends EventTarget {
    readonly aborted = false;
    override addEventListener(...args: Parameters<EventTarget["addEventListener"]>) {
      listeners++;
      super.addEventListener(...args);
    }
    override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>) {
      listeners--;
      super.removeEventListener(...args);
    }
  }
  const signal = new CountingSignal() as unknown as AbortSignal;
  const lock = new ReaderWriterLock();
  release(await lock.read(signal));
  assert.equal(listeners, 0, "no listener on the fast path");
  const blocker = lock.tryWrite();
  const waiting = lock.read(signal);
  assert.equal(listeners, 1);
  release(blocker);
  release(await waiting);
  assert.equal(listeners, 0);
});

Deno.test("releasing twice throws and changes nothing", async () => {
  const lock = new ReaderWriterLock();
  const cases: [string, () => Promise<Disposable> | Disposable | null][] = [
    ["read", () => lock.tryRead()],
    ["write", () => lock.tryWrite()],
    ["read", () => lock.read()],
    ["write", () => lock.write()],
  ];
  for (const [share, acquire] of cases) {
    const lease = await acquire();
    release(lease);
    const other = lock.tryRead();
    assert.throws(() => release(lease), new RegExp(`Cannot release the ${share} lock: already released`));
    assert.deepEqual(lock.stats, { readers: 1, writer: false, waiting: 0 });
    release(other);
  }
});

Deno.test("releasing what is no lease of the lock throws", () => {
  const lock = new ReaderWriterLock();
  const dispose = lock.tryRead()![Symbol.dispose];
  assert.throws(() => dispose.call({ [Symbol.dispose]: dispose }), TypeError);
  assert.equal(lock.stats.readers, 1);
});

Deno.test("a lease is released by `using`, also when the block throws", async () => {
  const lock = new ReaderWriterLock();
  const inside = async (share: Share) => {
    using _lease = await lock[share]();
    assert.deepEqual(lock.stats, {
      readers: share === "read" ? 1 : 0,
      writer: share === "write",
      waiting: 0,
    });
    throw new Error("inside");
  };
  await assert.rejects(inside("read"), /inside/);
  await assert.rejects(inside("write"), /inside/);
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("many waiters come and go in order", async () => {
  const lock = new ReaderWriterLock();
  const count = 10_000;
  const order: number[] = [];
  const blocker = lock.tryWrite();
  const all = Array.from({ length: count }, async (_, index) => {
    using _lease = await lock.write();
    order.push(index);
  });
  assert.equal(lock.stats.waiting, count);
  release(blocker);
  await Promise.all(all);
  assert.deepEqual(order, Array.from({ length: count }, (_, index) => index));
  assert.deepEqual(lock.stats, IDLE);
});

Deno.test("ReaderWriterLock.isReadable and isWritable tell what tryRead() and tryWrite() would answer", async () => {
  const lock = new ReaderWriterLock();
  const told = () => [lock.isReadable, lock.isWritable];
  assert.deepEqual(told(), [true, true]);
  const reader = lock.tryRead()!;
  assert.deepEqual(told(), [true, false], "held by a reader");
  const waiting = lock.write();
  assert.deepEqual(told(), [false, false], "a writer waits");
  reader[Symbol.dispose]();
  const writer = await waiting;
  assert.deepEqual(told(), [false, false], "held by a writer");
  writer[Symbol.dispose]();
  assert.deepEqual(told(), [true, true]);
});
