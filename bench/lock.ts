/**
 * The reader-writer lock against a mutex, side by side in one run.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { ReaderWriterLock } from "../src/sync/reader_writer_lock.ts";
import { figure, machineLine, printLine, printTable } from "./support/print.ts";
import { median } from "./support/stats.ts";

/** How thorough a run is. */
export interface LockBenchOptions {
  /** Fewer rounds and operations. */
  readonly quick?: boolean;
}

/** Readers at once in the first comparison. */
const READERS = 45;
/** How long each of them holds the lock. */
const HOLD_MS = 1;
/** Readers in the crowd through which a writer has to come. */
const CROWD = 1_000;

/** A promise chain: what many programs use for want of a reader-writer lock. */
class Mutex {
  #tail: Promise<void> = Promise.resolve();

  async run<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tail = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }
}

/** Runs all parts and prints them; throws when a lock let in whom it should not. */
export async function runLockBench({ quick = false }: LockBenchOptions = {}): Promise<void> {
  const rounds = quick ? 5 : 21;
  const operations = quick ? 200_000 : 2_000_000;
  printLine(`## Lock (${machineLine()})`);
  printLine();
  await benchReaders(rounds);
  printLine();
  await benchUncontended(operations);
  printLine();
  await benchWriter(rounds);
}

/** Readers that hold the lock at the same time. */
async function benchReaders(rounds: number): Promise<void> {
  const lockMs: number[] = [];
  const mutexMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    lockMs.push(await timed(() => readTogether()));
    mutexMs.push(await timed(() => readInTurns()));
  }
  const [lock, mutex] = [median(lockMs), median(mutexMs)];
  printTable([`${READERS} readers, ${HOLD_MS} ms each`, "ms in all", "ratio"], [
    ["ReaderWriterLock", figure(lock, 2), "1"],
    ["mutex", figure(mutex, 2), figure(mutex / lock, 1)],
  ]);
  printLine(claim(lock < 2 * HOLD_MS, `readers do not wait for one another: under ${2 * HOLD_MS} ms in all`));
}

async function readTogether(): Promise<void> {
  const lock = new ReaderWriterLock();
  let most = 0;
  await Promise.all(Array.from({ length: READERS }, async () => {
    using _lease = await lock.read();
    most = Math.max(most, lock.stats.readers);
    await hold();
  }));
  assertAnswer(
    most === READERS && lock.stats.readers === 0,
    `${most} of ${READERS} readers held it together`,
  );
}

async function readInTurns(): Promise<void> {
  const mutex = new Mutex();
  let [inside, most] = [0, 0];
  await Promise.all(Array.from({ length: READERS }, () =>
    mutex.run(async () => {
      most = Math.max(most, ++inside);
      await hold();
      inside--;
    })));
  assertAnswer(most === 1, `${most} held the mutex together`);
}

/** Acquisitions a second when nobody is in the way. */
async function benchUncontended(operations: number): Promise<void> {
  const lock = new ReaderWriterLock();
  const mutex = new Mutex();
  const ways: [string, () => Promise<number> | number][] = [
    ["tryRead(), try … finally", () => repeatTry(operations, lock)],
    ["tryRead(), using", () => repeatUsing(operations, () => lock.tryRead())],
    ["tryWrite(), using", () => repeatUsing(operations, () => lock.tryWrite())],
    ["await read()", () => repeatAwait(operations / 10, () => lock.read())],
    ["await write()", () => repeatAwait(operations / 10, () => lock.write())],
    ["mutex", () => repeatMutex(operations / 10, mutex)],
  ];
  const rows: string[][] = [];
  const rates = new Map<string, number>();
  for (const [name, run] of ways) {
    await run();
    const perSecond = await run();
    rates.set(name, perSecond);
    rows.push([name, figure(perSecond), figure(1e9 / perSecond, 1)]);
  }
  printTable(["acquire and release, uncontended", "a second", "ns each"], rows);
  const read = Math.min(rates.get("tryRead(), using") ?? 0, rates.get("await read()") ?? 0);
  printLine(claim(read >= 100_000, "at least 100,000 uncontended read acquisitions a second"));
}

/** What the lock itself costs. */
function repeatTry(times: number, lock: ReaderWriterLock): number {
  let held = 0;
  const startedMs = performance.now();
  for (let time = 0; time < times; time++) {
    const lease = lock.tryRead();
    try {
      if (lease !== null) held++;
    } finally {
      lease?.[Symbol.dispose]();
    }
  }
  assertAnswer(held === times, `${held} of ${times} acquisitions`);
  return perSecondSince(startedMs, times);
}

/** With `using`, whose own cost in V8 is many times that of the lock. */
function repeatUsing(times: number, acquire: () => Disposable | null): number {
  let held = 0;
  const startedMs = performance.now();
  for (let time = 0; time < times; time++) {
    using lease = acquire();
    if (lease !== null) held++;
  }
  assertAnswer(held === times, `${held} of ${times} acquisitions`);
  return perSecondSince(startedMs, times);
}

async function repeatAwait(times: number, acquire: () => Promise<Disposable>): Promise<number> {
  const startedMs = performance.now();
  for (let time = 0; time < times; time++) {
    using _lease = await acquire();
  }
  return perSecondSince(startedMs, times);
}

async function repeatMutex(times: number, mutex: Mutex): Promise<number> {
  const startedMs = performance.now();
  for (let time = 0; time < times; time++) await mutex.run(() => Promise.resolve());
  return perSecondSince(startedMs, times);
}

/** A writer among readers that come without end, and the longest that the event loop waits meanwhile. */
async function benchWriter(rounds: number): Promise<void> {
  const waits: number[] = [];
  const gaps: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { waitedMs, gapMs } = await writeInCrowd();
    waits.push(waitedMs);
    gaps.push(gapMs);
  }
  printTable(
    [`writer among ${CROWD} readers, ${HOLD_MS} ms each, that come again`, "median ms", "worst ms"],
    [
      ["until the writer enters", figure(median(waits), 2), figure(Math.max(...waits), 2)],
      ["longest turn of the event loop", figure(median(gaps), 2), figure(Math.max(...gaps), 2)],
    ],
  );
  printLine(claim(median(waits) < 20 * HOLD_MS, "a writer is not starved"));
}

async function writeInCrowd(): Promise<{ waitedMs: number; gapMs: number }> {
  const lock = new ReaderWriterLock();
  let [going, waitedMs, gapMs] = [true, 0, 0];
  let lastTurnMs = performance.now();
  const watch = setInterval(() => {
    gapMs = Math.max(gapMs, performance.now() - lastTurnMs);
    lastTurnMs = performance.now();
  }, 0);
  const crowd = Array.from({ length: CROWD }, async () => {
    while (going) {
      using _lease = await lock.read();
      await hold();
    }
  });
  await hold();
  const startedMs = performance.now();
  {
    using _lease = await lock.write();
    waitedMs = performance.now() - startedMs;
    assertAnswer(lock.stats.writer && lock.stats.readers === 0, "the writer is not alone");
    going = false;
  }
  await Promise.all(crowd);
  clearInterval(watch);
  return { waitedMs, gapMs };
}

/** Holds on for {@link HOLD_MS}, turn by turn of the event loop: timers are too coarse for one millisecond. */
async function hold(): Promise<void> {
  const untilMs = performance.now() + HOLD_MS;
  while (performance.now() < untilMs) await new Promise((resolve) => setImmediate(resolve));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function perSecondSince(startedMs: number, times: number): number {
  return times / ((performance.now() - startedMs) / 1_000);
}

function claim(holds: boolean, text: string): string {
  return `${holds ? "✔" : "✘"} ${text}`;
}

function assertAnswer(holds: boolean, found: string): void {
  if (!holds) throw new Error(`Cannot trust the lock benchmark: ${found}`);
}
