/**
 * What a fair reader-writer lock does, in the plainest words: the oracle of the lock's property test.
 *
 * @module
 */

/** How one wants the lock. */
export type Share = "read" | "write";

/** One who asked: serial number and wish. */
interface Asker {
  readonly id: number;
  readonly share: Share;
}

/** A lock without promises: who holds it and who queues, by number. */
export class LockModel {
  readonly holders: Asker[] = [];
  readonly queue: Asker[] = [];

  /** Asks and waits if need be. */
  acquire(id: number, share: Share): void {
    this.queue.push({ id, share });
    this.#admit();
  }

  /** Asks without waiting. */
  tryAcquire(id: number, share: Share): boolean {
    if (this.queue.length > 0 || !this.#mayEnter(share)) return false;
    this.holders.push({ id, share });
    return true;
  }

  /** Gives the lock back. */
  release(id: number): void {
    this.holders.splice(this.holders.findIndex((holder) => holder.id === id), 1);
    this.#admit();
  }

  /** Gives up waiting. */
  cancel(id: number): void {
    this.queue.splice(this.queue.findIndex((waiter) => waiter.id === id), 1);
    this.#admit();
  }

  #mayEnter(share: Share): boolean {
    return share === "read"
      ? this.holders.every((holder) => holder.share === "read")
      : this.holders.length === 0;
  }

  #admit(): void {
    while (this.queue[0] && this.#mayEnter(this.queue[0].share)) this.holders.push(this.queue.shift()!);
  }
}
