/**
 * One keep-alive HTTP/1.1 connection to a worker: one request at a time, bodies read as they come.
 *
 * @module
 */
import { type Framing, HttpFormatError, parseReplyHead, type ReplyHead } from "./reply_head.ts";

/** What a connection is made of; a `Deno.TcpConn` is one. */
export interface ByteStream {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Bytes taken in at a time, and the longest head of a reply. */
export const READ_BUFFER_BYTES = 16 * 1024;
/** Requests up to this are written from one buffer a connection; longer ones get their own. */
export const SEND_BUFFER_BYTES = 16 * 1024;
/** Longest line that begins a chunk, and longest trailer. */
const FRAMING_LINE_BYTES_MAX = 1024;
const TRAILERS_MAX = 64;
/** Replies such as 100 or 103 before the one that counts. */
const INTERIM_REPLIES_MAX = 8;
const CR = 0x0d;
const LF = 0x0a;

/** The connection ended before the reply did. */
export class ConnectionEndedError extends Error {
  override readonly name = "ConnectionEndedError";
}

/** A connection that outlives its requests. Anything that fails on it closes it. */
export class HttpConnection {
  readonly #stream: ByteStream;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);
  /** Room for the next request. Free whenever the connection is. */
  readonly sendBuffer = new Uint8Array(SEND_BUFFER_BYTES);
  /** What was received and not yet taken: `#buffer` from `#start` to `#end`. */
  #start = 0;
  #end = 0;
  #requests = 0;
  #isClosed = false;
  #isWriting = false;
  #keepsAlive = false;
  #isReplyWhole = false;
  #hasReplyBegun = false;
  #framing: Framing = { kind: "none" };
  /** Bytes to come of the body, or of its chunk. */
  #left = 0;
  /** A chunk was begun: before the next one its line end is to come. */
  #isInChunks = false;
  /** A read begun while idle: it tells at once when the worker ends the connection. */
  #ahead: Promise<number | null> | null = null;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Whether any byte of a reply to the last request came. */
  get hasReplyBegun(): boolean {
    return this.#hasReplyBegun;
  }

  /** Whether the last reply was read to its end and another request may follow. */
  get isReusable(): boolean {
    const isIdle = this.#isReplyWhole && !this.#isWriting && this.#start === this.#end;
    return isIdle && this.#keepsAlive && !this.#isClosed;
  }

  /**
   * Sends a request and waits for the head of its reply.
   *
   * @param bytes head and body
   * @throws ConnectionEndedError, HttpFormatError
   */
  async exchange(bytes: Uint8Array, method: string): Promise<ReplyHead> {
    this.#requests++;
    this.#isReplyWhole = false;
    this.#hasReplyBegun = false;
    const writeFailure = this.#write(bytes);
    try {
      for (let interim = 0; interim <= INTERIM_REPLIES_MAX; interim++) {
        let at = this.#indexOfBlankLine(this.#start);
        while (at < 0) {
          const received = this.#end - this.#start;
          if (received === READ_BUFFER_BYTES) {
            throw new HttpFormatError(`Cannot read reply: its head exceeds ${READ_BUFFER_BYTES} bytes`);
          }
          this.#received(await this.#read());
          at = this.#indexOfBlankLine(Math.max(this.#start, this.#start + received - 3));
        }
        const head = this.#takeHead(at, method);
        if (head.status >= 200) return head;
      }
      throw new HttpFormatError(`Cannot read reply: more than ${INTERIM_REPLIES_MAX} interim replies`);
    } catch (error) {
      this.close();
      // A worker may answer before it has read the whole request: the failure to write counts only without an answer.
      throw error instanceof HttpFormatError ? error : new ConnectionEndedError(
        error instanceof ConnectionEndedError ? error.message : `Cannot read reply: ${messageOf(error)}`,
        { cause: await writeFailure ?? error },
      );
    }
  }

  /**
   * The next piece of the reply's body, as it came; null at its end. Ask until then, one piece at a time, or close the
   * connection. Not a generator: of what passes a piece on, each costs some microseconds.
   */
  async nextPiece(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#isReplyWhole) return null;
    if (this.#left === 0 && this.#framing.kind === "chunked") await this.#beginChunk();
    if (this.#left > 0 && this.#start === this.#end) {
      const count = await this.#read();
      if (count === null && this.#framing.kind === "until close") this.#left = 0;
      else this.#received(count);
    }
    if (this.#left === 0) {
      this.#isReplyWhole = true;
      return null;
    }
    const piece = this.#take(this.#left).slice();
    this.#left -= piece.length;
    return piece;
  }

  /** A body of known length, whole; at once when all of it has come. */
  wholeBody(bytes: number): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    if (this.#end - this.#start < bytes) return this.#receiveWhole(bytes);
    this.#isReplyWhole = true;
    return this.#take(bytes).slice();
  }

  async #receiveWhole(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const body = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      if (this.#start === this.#end) this.#received(await this.#read());
      const piece = this.#take(bytes - at);
      body.set(piece, at);
      at += piece.length;
    }
    this.#isReplyWhole = true;
    return body;
  }

  /** Watches an idle connection; `onEnd` is called when the worker ends it, or sends what nobody asked for. */
  watch(onEnd: () => void): void {
    const requests = this.#requests;
    this.#start = this.#end = 0;
    const ahead = this.#stream.read(this.#buffer);
    this.#ahead = ahead;
    const check = () => {
      if (this.#requests !== requests || this.#isClosed) return;
      this.close();
      onEnd();
    };
    ahead.then(check, check);
  }

  /** Ends the connection, and whatever is under way on it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#stream.close();
    } catch {
      // The other side was faster.
    }
  }

  /** Never rejects: why it failed, or null. */
  async #write(bytes: Uint8Array): Promise<unknown> {
    this.#isWriting = true;
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#stream.write(at === 0 ? bytes : bytes.subarray(at));
      }
    } catch (error) {
      return error;
    }
    this.#isWriting = false;
    return null;
  }

  /** The head of which the blank line stands at `end`; it may be an interim one. */
  #takeHead(end: number, method: string): ReplyHead {
    const head = parseReplyHead(latin1(this.#buffer.subarray(this.#start, end)), method);
    this.#start = end + 4;
    if (head.status === 101) throw new HttpFormatError("Cannot read reply: it switches protocols unasked");
    this.#keepsAlive = head.keepsAlive;
    const { framing } = head;
    this.#framing = framing;
    this.#left = framing.kind === "length" ? framing.bytes : framing.kind === "until close" ? Infinity : 0;
    this.#isInChunks = false;
    this.#isReplyWhole = framing.kind === "none" && head.status >= 200;
    return head;
  }

  #indexOfBlankLine(from: number): number {
    const bytes = this.#buffer;
    for (let at = bytes.indexOf(CR, from); at >= 0 && at + 3 < this.#end; at = bytes.indexOf(CR, at + 1)) {
      if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
    }
    return -1;
  }

  /** Reads up to the next chunk, or over what ends the body. */
  async #beginChunk(): Promise<void> {
    if (this.#isInChunks && (this.#takeLine() ?? await this.#readLine()) !== "") {
      throw new HttpFormatError("Cannot read reply: a chunk is longer than it says");
    }
    this.#isInChunks = true;
    this.#left = parseChunkSize(this.#takeLine() ?? await this.#readLine());
    if (this.#left > 0) return;
    for (let trailers = 0; await this.#readLine() !== ""; trailers++) {
      if (trailers === TRAILERS_MAX) throw new HttpFormatError("Cannot read reply: too many trailers");
    }
  }

  async #readLine(): Promise<string> {
    while (true) {
      const line = this.#takeLine();
      if (line !== null) return line;
      if (this.#end - this.#start > FRAMING_LINE_BYTES_MAX) {
        throw new HttpFormatError(
          `Cannot read reply: a chunk's head exceeds ${FRAMING_LINE_BYTES_MAX} bytes`,
        );
      }
      this.#received(await this.#read());
    }
  }

  /** A line that ends with CR LF, without them; null while its end is to come. */
  #takeLine(): string | null {
    const at = this.#buffer.indexOf(LF, this.#start);
    if (at < 0 || at >= this.#end) return null;
    const isWhole = at > this.#start && this.#buffer[at - 1] === CR;
    if (!isWhole) throw new HttpFormatError("Cannot read reply: a line of its framing has no end");
    const line = latin1(this.#buffer.subarray(this.#start, at - 1));
    this.#start = at + 1;
    return line;
  }

  /** At most `bytes` of what was received; valid until the next read. */
  #take(bytes: number): Uint8Array {
    const piece = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + bytes));
    this.#start += piece.length;
    return piece;
  }

  /** Reads on, into the buffer; its outcome is for {@link #received}. */
  #read(): Promise<number | null> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead !== null) return ahead;
    this.#makeRoom();
    return this.#stream.read(this.#buffer.subarray(this.#end));
  }

  /** @throws ConnectionEndedError when nothing more comes */
  #received(count: number | null): void {
    if (count === null) throw new ConnectionEndedError("Cannot read reply: the connection ended");
    this.#hasReplyBegun = true;
    this.#end += count;
  }

  #makeRoom(): void {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
    } else if (this.#end === READ_BUFFER_BYTES) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
  }
}

function parseChunkSize(line: string): number {
  const match = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line);
  if (match === null) {
    throw new HttpFormatError(
      `Cannot read reply: malformed chunk size, received ${JSON.stringify(line.slice(0, 80))}`,
    );
  }
  return parseInt(match[1] as string, 16);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
