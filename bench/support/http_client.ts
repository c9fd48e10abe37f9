/**
 * A keep-alive HTTP/1.1 connection for load generation: requests are bytes made beforehand, replies are read to their
 * end and counted. It costs a fraction of `fetch`, so that what is measured is the server.
 *
 * @module
 */

const CR_LF = [0x0d, 0x0a] as const;
const READ_BUFFER_BYTES = 64 * 1024;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A reply; `body` is valid until the next request on the connection. */
export interface RawReply {
  readonly status: number;
  /** Header lines, lower case. */
  readonly head: string;
  readonly body: Uint8Array;
}

/** The bytes of a POST of JSON. */
export function postBytes(path: string, body: Uint8Array, headers = ""): Uint8Array {
  const head = encoder.encode(
    `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n${headers}` +
      `content-length: ${body.length}\r\n\r\n`,
  );
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

/** One connection; one request at a time. */
export class RawConnection implements Disposable {
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array(READ_BUFFER_BYTES);
  #end = 0;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  /** Connects on the loopback interface. */
  static async open(port: number): Promise<RawConnection> {
    return new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends a request and reads its reply whole. @throws Error when the connection ends before */
  async request(bytes: Uint8Array): Promise<RawReply> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#conn.write(sent === 0 ? bytes : bytes.subarray(sent));
    }
    this.#end = 0;
    let headEnd = -1;
    while (headEnd < 0) {
      const from = Math.max(this.#end - 3, 0);
      await this.#read();
      headEnd = indexOfBlankLine(this.#buffer, from, this.#end);
    }
    const head = decoder.decode(this.#buffer.subarray(0, headEnd)).toLowerCase();
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: (\d+)/.exec(head);
    const start = headEnd + 4;
    const body = length === null
      ? await this.#readChunked(start)
      : await this.#readTo(start, Number(length[1]));
    return { status, head, body };
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #readTo(start: number, length: number): Promise<Uint8Array> {
    while (this.#end < start + length) await this.#read();
    return this.#buffer.subarray(start, start + length);
  }

  /** Joins the chunks of a body in place. */
  async #readChunked(start: number): Promise<Uint8Array> {
    let at = start;
    let bodyEnd = start;
    while (true) {
      let lineEnd = -1;
      while ((lineEnd = indexOfLineEnd(this.#buffer, at, this.#end)) < 0) await this.#read();
      const size = parseInt(decoder.decode(this.#buffer.subarray(at, lineEnd)), 16);
      if (!(size >= 0)) throw new Error("Cannot read reply: malformed chunk size");
      const chunk = lineEnd + 2;
      while (this.#end < chunk + size + 2) await this.#read();
      if (size === 0) return this.#buffer.subarray(start, bodyEnd);
      this.#buffer.copyWithin(bodyEnd, chunk, chunk + size);
      bodyEnd += size;
      at = chunk + size + 2;
    }
  }

  async #read(): Promise<void> {
    if (this.#end === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#conn.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("Cannot read reply: the connection ended");
    this.#end += count;
  }
}

function indexOfLineEnd(bytes: Uint8Array, from: number, end: number): number {
  const at = bytes.indexOf(CR_LF[0], from);
  return at >= 0 && at + 1 < end && bytes[at + 1] === CR_LF[1] ? at : -1;
}

function indexOfBlankLine(bytes: Uint8Array, from: number, end: number): number {
  for (
    let at = bytes.indexOf(CR_LF[0], from);
    at >= 0 && at + 3 < end;
    at = bytes.indexOf(CR_LF[0], at + 1)
  ) {
    if (bytes[at + 1] === 0x0a && bytes[at + 2] === 0x0d && bytes[at + 3] === 0x0a) return at;
  }
  return -1;
}
