/**
 * A worker's side of connections, played from a script.
 *
 * @module
 */
import type { ByteStream } from "../../../src/platform/http/connection.ts";

/** A connection on which a test says what arrives. */
export class FakeStream implements ByteStream {
  readonly written: string[] = [];
  isClosed = false;
  readonly #arriving: Uint8Array[] = [];
  #isEnded = false;
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #onWrite: (stream: FakeStream, text: string) => void;

  constructor(onWrite: (stream: FakeStream, text: string) => void) {
    this.#onWrite = onWrite;
  }

  /** Bytes arrive from the worker. */
  arrive(bytes: string | Uint8Array): void {
    this.#arriving.push(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
    this.#wake.resolve();
  }

  /** The worker ends the connection. */
  end(): void {
    this.#isEnded = true;
    this.#wake.resolve();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.isClosed) throw new Error("Cannot read: closed");
      const [first] = this.#arriving;
      if (first !== undefined) {
        const count = Math.min(first.length, into.length);
        into.set(first.subarray(0, count));
        if (count === first.length) this.#arriving.shift();
        else this.#arriving[0] = first.subarray(count);
        return count;
      }
      if (this.#isEnded) return null;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.isClosed || this.#isEnded) return Promise.reject(new Error("Cannot write: broken pipe"));
    const text = new TextDecoder("latin1").decode(bytes);
    this.written.push(text);
    this.#onWrite(this, text);
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.isClosed = true;
    this.#wake.resolve();
  }
}
