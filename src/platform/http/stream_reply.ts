import type { BodyReader, ReplyHeaders, WorkerReply } from "../../types.ts";
import type { HttpConnection } from "./connection.ts";
import { PairHeaders } from "./whole_reply.ts";

/**
 * A reply whose body comes piece by piece. The proxy reads it as it comes; a `Response` of it, and the stream within, would
 * be a third of what a piece costs the router.
 */
export class StreamReply implements WorkerReply {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly #pairs: readonly [string, string][];
  readonly #reader: ConnectionReader;

  /** @param pairs names in lower case */
  constructor(status: number, pairs: readonly [string, string][], reader: ConnectionReader) {
    this.status = status;
    this.headers = new PairHeaders(pairs);
    this.#pairs = pairs;
    this.#reader = reader;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return streamOf(this.#reader);
  }

  reader(): BodyReader {
    return this.#reader;
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Response(this.body).bytes();
  }

  /** The same as a `Response`. */
  toResponse(): Response {
    return new Response(this.body, { status: this.status, headers: [...this.#pairs] });
  }
}

/** Reads a reply's body from its connection. */
export class ConnectionReader implements BodyReader {
  readonly #connection: HttpConnection;
  readonly #end: () => void;
  readonly #signal: AbortSignal | null;
  #isOver = false;

  /** @param end called once, when the connection is free again or broken */
  constructor(connection: HttpConnection, end: () => void, signal: AbortSignal | null) {
    this.#connection = connection;
    this.#end = end;
    this.#signal = signal;
  }

  /** @throws the signal's reason when it has aborted, else why the reply broke off */
  async read(): Promise<{ readonly value?: Uint8Array<ArrayBuffer> }> {
    if (this.#isOver) return {};
    try {
      const value = await this.#connection.nextPiece();
      if (value !== null) return { value };
    } catch (error) {
      await this.cancel();
      throw this.#signal?.aborted ? this.#signal.reason : error;
    }
    this.#finish();
    return {};
  }

  /** Nothing when the body has been read to its end: its connection may serve another request by now. */
  cancel(): Promise<void> {
    if (!this.#isOver) {
      this.#connection.close();
      this.#finish();
    }
    return Promise.resolve();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end();
  }
}

/** A stream of what a reader reads. */
export function streamOf(reader: ConnectionReader): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const { value } = await reader.read();
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => reader.cancel(),
  }, { highWaterMark: 0 });
}
