import assert from "node:assert/strict";
import fc from "fast-check";
import { ReaderWriterLock } from "../../../src/sync/reader_writer_lock.ts";
import { LockModel, type Share } from "../../support/lock_model.ts";

/** One step of a schedule. `pick` chooses among those whom the step may concern. */
type Step = {
  readonly kind: "acquire" | "try" | "release" | "cancel";
  readonly share: Share;
  readonly pick: number;
};

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step["kind"][]>("acquire", "acquire", "try", "release", "release", "cancel"),
    share: fc.constantFrom<Share[]>("read", "read", "write"),
    pick: fc.nat(1_000),
  }),
  { maxLength: 60 },
);

/** A lock and its model, driven by the same steps. */
class Pair {
  readonly #lock = new ReaderWriterLock();
  readonly #model = new LockModel();
  readonly #leases = new Map<number, Disposable>();
  readonly #controllers = new Map<number, AbortController>();
  readonly #refused = new Set<number>();
  #cancelled = 0;
  #serial = 0;

  async apply({ kind, share, pick }: Step): Promise<void> {
    const id = this.#serial++;
    const holder = this.#model.holders[pick % Math.max(1, this.#model.holders.length)];
    const waiter = this.#model.queue[pick % Math.max(1, this.#model.queue.length)];
    if (kind === "acquire") this.#acquire(id, share);
    if (kind === "try") this.#try(id, share);
    if (kind === "release" && holder) this.#release(holder.id);
    if (kind === "cancel" && waiter) this.#cancel(waiter.id);
    await settle();
    this.#compare();
  }

  /** Lets everybody out: whoever waits must get in on the way. */
  async drain(): Promise<void> {
    while (this.#model.holders[0]) {
      this.#release(this.#model.holders[0].id);
      await settle();
      this.#compare();
    }
    assert.deepEqual(this.#lock.stats, { readers: 0, writer: false, waiting: 0 });
  }

  #acquire(id: number, share: Share): void {
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    this.#lock[share](controller.signal).then(
      (lease) => this.#leases.set(id, lease),
      () => this.#refused.add(id),
    );
    this.#model.acquire(id, share);
  }

  #try(id: number, share: Share): void {
    const lease = share === "read" ? this.#lock.tryRead() : this.#lock.tryWrite();
    assert.equal(lease !== null, this.#model.tryAcquire(id, share));
    if (lease) this.#leases.set(id, lease);
  }

  #release(id: number): void {
    this.#leases.get(id)![Symbol.dispose]();
    this.#leases.delete(id);
    this.#model.release(id);
  }

  #cancel(id: number): void {
    this.#controllers.get(id)!.abort();
    this.#cancelled++;
    this.#model.cancel(id);
  }

  #compare(): void {
    const { holders, queue } = this.#model;
    const ids = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);
    assert.deepEqual(ids(this.#leases.keys()), ids(holders.map((holder) => holder.id)));
    assert.equal(this.#refused.size, this.#cancelled);
    assert.deepEqual(this.#lock.stats, {
      readers: holders.filter((holder) => holder.share === "read").length,
      writer: holders.some((holder) => holder.share === "write"),
      waiting: queue.length,
    });
  }
}

/** Enough microtasks for a promise's reactions to run. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) await Promise.resolve();
}

Deno.test("ReaderWriterLock does what a plain queue does, over random schedules", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (schedule) => {
      const pair = new Pair();
      for (const step of schedule) await pair.apply(step);
      await pair.drain();
    }),
    { numRuns: 300 },
  );
});
