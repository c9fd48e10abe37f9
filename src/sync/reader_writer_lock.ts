/**
 * A reader-writer lock for one event loop: many readers or one writer, first come first served.
 *
 * A single WebAssembly call is atomic on one event loop; the lock guards what spans an `await`: sliced reclaim,
 * snapshot, restore, bulk load. The hot path asks `tryRead()` first, which costs nanoseconds.
 *
 * ## State word
 * ```text
 *  bit  31                                    2    1        0
 *      ┌──────────────────────────────────────┬─────────┬────────┐
 *      │ readers that hold the lock           │ WAITING │ WRITER │
 *      └──────────────────────────────────────┴─────────┴────────┘
 * ```
 * Every decision (may I enter, may the next one enter) is a function of this one 32-bit integer, so that the word can
 * move into a `SharedArrayBuffer`: each `+=` and `=` on it then becomes one compare-and-exchange.
 *
 * @module
 */

/** The writer holds the lock. */
const WRITER = 1;
/** Somebody queues: newcomers queue behind them, which is what keeps writers from starving. */
const WAITING = 2;
/** One reader, in the readers' field of the word. */
const READER = 4;
/** Most readers at once: the word stays a positive 32-bit integer. */
const READERS_MAX = 2 ** 29 - 1;

/** What holds the lock and who waits, at this moment. */
export interface ReaderWriterLockStats {
  /** Readers that hold the lock. */
  readonly readers: number;
  /** Whether a writer holds the lock. */
  readonly writer: boolean;
  /** Readers and writers in the queue. */
  readonly waiting: number;
}

/**
 * Many readers or one writer, FIFO-fair: who asks later than a waiting writer waits behind it, so writers do not starve;
 * readers that stand next to each other in the queue enter together.
 *
 * Not reentrant: a holder that asks for the lock again while a writer waits deadlocks with itself.
 * Acquiring, releasing and cancelling are O(1); a release that lets n readers in is O(n).
 *
 * @example
 * ```ts
 * import { ReaderWriterLock } from "@slime/router";
 *
 * const lock = new ReaderWriterLock();
 * {
 *   using _reading = lock.tryRead() ?? await lock.read(AbortSignal.timeout(1_000));
 *   // many may be here at once, no writer is
 * }
 * {
 *   using _writing = await lock.write();
 *   // alone
 * }
 * ```
 */
export class ReaderWriterLock {
  #word = 0;
  #waiting = 0;
  #head: Waiter | null = null;
  #tail: Waiter | null = null;

  /**
   * Waits for shared access.
   *
   * @param signal gives up waiting; an already aborted signal is refused even when the lock is free
   * @returns what releases the access, for `using`
   * @throws the signal's reason when it aborts before access is given; RangeError past 2^29 - 1 readers
   */
  read(signal?: AbortSignal): Promise<Disposable> {
    return this.#acquire(READER, signal);
  }

  /**
   * Waits for exclusive access.
   *
   * @param signal gives up waiting; an already aborted signal is refused even when the lock is free
   * @returns what releases the access, for `using`
   * @throws the signal's reason when it aborts before access is given
   */
  write(signal?: AbortSignal): Promise<Disposable> {
    return this.#acquire(WRITER, signal);
  }

  /** Whether {@link tryRead} would be given access. What reads and is done within this turn of the event loop needs no more. */
  get isReadable(): boolean {
    return (this.#word & (WRITER | WAITING)) === 0;
  }

  /** Whether {@link tryWrite} would be given access. What writes and is done within this turn needs no more. */
  get isWritable(): boolean {
    return this.#word === 0;
  }

  /** Shared access now, or null when a writer holds the lock or anybody waits for it. One small allocation. */
  tryRead(): Disposable | null {
    if ((this.#word & (WRITER | WAITING)) !== 0) return null;
    if (this.#word >>> 2 === READERS_MAX) {
      throw new RangeError(`Cannot acquire the read lock: ${READERS_MAX} readers hold it already`);
    }
    return this.#enter(READER);
  }

  /** Exclusive access now, or null when anybody holds the lock or waits for it. One small allocation. */
  tryWrite(): Disposable | null {
    return this.#word === 0 ? this.#enter(WRITER) : null;
  }

  /** Who holds the lock and how many wait. A snapshot: it does not change afterwards. */
  get stats(): ReaderWriterLockStats {
    return {
      readers: this.#word >>> 2,
      writer: (this.#word & WRITER) !== 0,
      waiting: this.#waiting,
    };
  }

  #acquire(share: number, signal: AbortSignal | undefined): Promise<Disposable> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    try {
      const lease = share === READER ? this.tryRead() : this.tryWrite();
      return lease ? Promise.resolve(lease) : this.#enqueue(share, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #enter(share: number): Lease {
    this.#word += share;
    return new Lease(this.#release, share);
  }

  // One function a lock, not a lease: a lease costs one object of two fields.
  readonly #release = (share: number): void => {
    this.#word -= share;
    if ((this.#word & WAITING) !== 0) this.#admit();
  };

  #enqueue(share: number, signal: AbortSignal | undefined): Promise<Disposable> {
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const waiter = new Waiter(share, resolve, reject, signal, this.#cancel);
    waiter.previous = this.#tail;
    if (this.#tail) this.#tail.next = waiter;
    else this.#head = waiter;
    this.#tail = waiter;
    this.#waiting++;
    this.#word |= WAITING;
    return promise;
  }

  readonly #cancel = (waiter: Waiter): void => {
    this.#unlink(waiter);
    // A writer that gives up may have been all that kept the readers behind it waiting.
    this.#admit();
  };

  /** Lets in from the head of the queue whoever the word allows: one writer, or readers up to the next writer. */
  #admit(): void {
    for (let head = this.#head; head !== null; head = this.#head) {
      const held = this.#word & ~WAITING;
      const mayEnter = head.share === READER ? (held & WRITER) === 0 : held === 0;
      if (!mayEnter) return;
      this.#unlink(head);
      head.admit(this.#enter(head.share));
    }
  }

  #unlink(waiter: Waiter): void {
    if (waiter.previous) waiter.previous.next = waiter.next;
    else this.#head = waiter.next;
    if (waiter.next) waiter.next.previous = waiter.previous;
    else this.#tail = waiter.previous;
    if (--this.#waiting === 0) this.#word &= ~WAITING;
  }
}

/** A place in the queue; its own abort listener, so that waiting costs no closure. */
class Waiter implements EventListenerObject {
  previous: Waiter | null = null;
  next: Waiter | null = null;

  constructor(
    readonly share: number,
    readonly resolve: (lease: Disposable) => void,
    readonly reject: (reason: unknown) => void,
    readonly signal: AbortSignal | undefined,
    readonly cancel: (waiter: Waiter) => void,
  ) {
    signal?.addEventListener("abort", this, { once: true });
  }

  admit(lease: Lease): void {
    this.signal?.removeEventListener("abort", this);
    this.resolve(lease);
  }

  handleEvent(): void {
    this.reject(this.signal?.reason);
    this.cancel(this);
  }
}

/** One acquisition. Forgets its lock when released, so that releasing twice is noticed. */
class Lease implements Disposable {
  #release: ((share: number) => void) | null;
  readonly #share: number;

  constructor(release: (share: number) => void, share: number) {
    this.#release = release;
    this.#share = share;
  }

  [Symbol.dispose](): void {
    const release = this.#release;
    if (release === null) {
      throw new Error(
        `Cannot release the ${this.#share === READER ? "read" : "write"} lock: already released`,
      );
    }
    this.#release = null;
    release(this.#share);
  }
}
