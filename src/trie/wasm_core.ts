/**
 * The boundary to the WebAssembly core: its exports, its memory map, and the one place that refreshes views.
 *
 * @module
 */
import { TRIE_WASM_BASE64 } from "./trie_wasm.generated.ts";

/** What `assembly/index.ts` exports. Results come as int32: `>>> 0` where they are addresses. */
export interface CoreExports {
  start(maxTokens: number, maxBytes: number, gcThresholdK: number, serial: number): number;
  headerAt(): number;
  resultAt(): number;
  input(bytes: number): number;
  find(mode: number, length: number, scope: number, flags: number): number;
  findByTokens(length: number, ids: number, count: number, scope: number, flags: number): number;
  read(point: number, serial: number, flags: number): number;
  payload(point: number, serialLow: number, serialHigh: number, tokens: number, flags: number): number;
  insert(
    length: number,
    ids: number,
    count: number,
    logprobs: number,
    mask: number,
    version: number,
    spans: number,
  ): number;
  append(point: number, serial: number, count: number): number;
  mark(point: number, serial: number, worker: number): number;
  unmark(worker: number): void;
  holders(length: number, ids: number, count: number): number;
  unpin(point: number, serial: number): void;
  remove(length: number): void;
  collect(limit: number, most: number): number;
  restartCollect(): void;
  scopeSegments(scope: number): number;
  clear(serial: number): number;
  checksum(at: number, length: number): bigint;
  adopt(maxTokens: number, maxBytes: number, gcThresholdK: number, serial: number): number;
  fail(skipped: number, stays: boolean): void;
  endFail(): number;
  check(): number;
}

/** Places of the header's fields, in 32-bit words: `Header` in assembly/header.ts. */
export const HeaderWord = {
  TOKENS: 1,
  ENTRIES: 2,
  SEGMENTS: 3,
  PINS: 4,
  INPUT: 10,
  NODES: 25,
  INPUT_CAP: 33,
  KNOWN: 38,
  NEWEST_VERSION: 45,
  USED_BYTES: 53,
  WINDOW_BYTES: 55,
  EVICTED_LRU: 56,
  EVICTED_VERSION: 58,
  EVICTED_REMOVED: 60,
} as const;

/** Places of the result's fields, in 32-bit words: `Result` in assembly/header.ts. */
export const ResultWord = {
  TOKENS: 0,
  MATCHED_BYTES: 1,
  SPLICE_BYTES: 2,
  UNITS: 3,
  CANDIDATES: 4,
  POINT: 5,
  SERIAL_LOW: 6,
  SERIAL_HIGH: 7,
  IDS: 8,
  LOGPROBS: 9,
  LOSS_MASK: 10,
  VERSIONS: 11,
  DIGITS: 12,
  DIGITS_LEN: 13,
  REMOVED_ENTRIES: 14,
  REMOVED_TOKENS: 15,
  HELD_TOKENS: 16,
  LOGPROB_BYTES: 17,
  EVICTED: 18,
} as const;

/** What a look-up writes to the output window, and does besides: output.ts and lookup.ts. */
export const Want = {
  IDS: 1,
  LOGPROBS: 2,
  LOSS_MASK: 4,
  VERSIONS: 8,
  DIGITS: 16,
  PIN: 32,
  ASCII: 64,
  IN_PLACE: 128,
} as const;

/** Everything that belongs to a token. */
export const PAYLOAD = Want.IDS | Want.LOGPROBS | Want.LOSS_MASK | Want.VERSIONS;

/** Answers of `insert` and `append`: insert.ts. */
export const Status = {
  STORED: 0,
  TOO_MANY_TOKENS: 1,
  NO_MEMORY: 2,
  STALE_HANDLE: 3,
  BAD_LOSS_MASK: 4,
} as const;

/** `POINT` of a result without a handle. */
export const NO_POINT = 0xffff_ffff;

/** What the numbers of `check` mean: check.ts. */
export const BROKEN_RULES: readonly string[] = [
  "",
  "arena blocks form a chain",
  "used and free bytes make up the arena",
  "nodes and their parents refer to one another",
  "a node without points has two or more children",
  "nodes are counted",
  "text blocks count the labels in them",
  "segments and their parents refer to one another",
  "segments and tokens are counted",
  "the order of last use is one, and complete",
  "a parent's traverse version is at least its child's",
  "pins hold what they continue",
  "points, nodes and segments refer to one another",
  "tokens and bytes are within their bounds",
  "a node's holders hold what is above it",
];

const MEMORY_PAGES_MAX = 65_535;
/** Bytes of a page of memory. */
export const PAGE_BYTES = 65_536;
/** Memory below this holds the core's own records, above it the arena: `RESERVED_BYTES` in assembly/layout.ts. */
export const RECORDS_BYTES = 16_384;
/** The result of the last call: no state of the trie. */
const RESULT_WORDS = { from: 128, to: 256 } as const;
/** Longest text that is kept to see that the next is the same. */
const LAST_TEXT_UNITS_MAX = 2 ** 18;
/** Nearly the largest mapping that glibc learns from. */
const HEAP_KEPT_BYTES = 2 ** 25 - 2 ** 17;
let heapKept = false;
const encoder = new TextEncoder();
let ownModule: Promise<WebAssembly.Module> | undefined;

/** The core that comes with this package, compiled once a process. */
export function compileOwnCore(): Promise<WebAssembly.Module> {
  return ownModule ??= WebAssembly.compile(Uint8Array.from(atob(TRIE_WASM_BASE64), (c) => c.charCodeAt(0)));
}

/**
 * Makes copies of payloads cheap, where buffers are memory of glibc: it gives what is free at the end of its heap back to
 * the system, and each buffer then faults its pages in anew, until it has seen a large mapping freed.
 */
function keepFreedHeap(): void {
  if (heapKept) return;
  heapKept = true;
  // The mapping is never touched. Node 20 cannot free at once, and does as it did.
  new ArrayBuffer(HEAP_KEPT_BYTES).transfer?.(0);
}

/** One instance of the core and its memory. */
export class WasmCore {
  readonly exports: CoreExports;
  readonly #memory: WebAssembly.Memory;
  /** Views of the whole memory, fresh after {@link refresh}. */
  u8!: Uint8Array<ArrayBuffer>;
  i32!: Int32Array<ArrayBuffer>;
  u32!: Uint32Array<ArrayBuffer>;
  f64!: Float64Array<ArrayBuffer>;
  /** Address of the input window, and a view of it. */
  input = 0;
  #window!: Uint8Array<ArrayBuffer>;
  readonly #header: number;
  readonly #result: number;
  /** Whether the last text written was ASCII. */
  ascii = false;
  /** The text that stands at the beginning of the window, and its UTF-8 length; empty when unknown. */
  #lastText = "";
  #lastBytes = 0;

  /** `bytes` of memory at least, all zero. Throws `RangeError` when there are not as many. */
  constructor(module: WebAssembly.Module, bytes: number = PAGE_BYTES) {
    keepFreedHeap();
    const initial = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
    this.#memory = new WebAssembly.Memory({ initial, maximum: MEMORY_PAGES_MAX });
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    this.exports = exports as unknown as CoreExports;
    this.#header = this.exports.headerAt() >>> 2;
    this.#result = this.exports.resultAt() >>> 2;
    this.refresh();
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** A field of the header. */
  header(word: number): number {
    return this.u32[this.#header + word]!;
  }

  /** A 64-bit counter of the header. */
  counter(word: number): number {
    return this.header(word) + this.header(word + 1) * 2 ** 32;
  }

  /** A field of the result. */
  result(word: number): number {
    return this.u32[this.#result + word]!;
  }

  /** Header and arena bins, as words: any change of the trie shows in them. A copy. */
  records(): Uint32Array {
    const words = this.u32.slice(0, RECORDS_BYTES >>> 2);
    return words.fill(0, RESULT_WORDS.from, RESULT_WORDS.to);
  }

  /** XXH64 of a part of the memory. */
  checksum(at: number, length: number): bigint {
    return BigInt.asUintN(64, this.exports.checksum(at, length));
  }

  /** The serial in the result: more than 32 bits. */
  serial(): number {
    return this.result(ResultWord.SERIAL_LOW) + this.result(ResultWord.SERIAL_HIGH) * 2 ** 32;
  }

  /** Makes views anew when the memory has grown. To be called after every call that may grow it. */
  refresh(): void {
    if (this.u8 !== undefined && this.u8.length !== 0) return;
    const buffer = this.#memory.buffer as ArrayBuffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.#refreshWindow();
  }

  #refreshWindow(): void {
    this.input = this.header(HeaderWord.INPUT);
    this.#window = this.u8.subarray(this.input, this.input + this.header(HeaderWord.INPUT_CAP));
  }

  /** Makes the input window hold `bytes`; its content is lost. False when there is no memory. */
  tryReserve(bytes: number): boolean {
    this.#forgetText();
    if (bytes <= this.#window.length) return true;
    const at = this.exports.input(bytes);
    this.refresh();
    this.#refreshWindow();
    return at !== 0;
  }

  /** As `tryReserve`. Throws `RangeError` when there is no memory. */
  reserve(bytes: number): void {
    if (!this.tryReserve(bytes)) throw new RangeError(`Cannot read input: no memory for ${bytes} bytes`);
  }

  /**
   * Writes `text` to the beginning of the input window, with room for `more` bytes behind; its UTF-8 length, or -1 when
   * there is no memory. A text that is asked for and then stored is written once.
   */
  tryWriteText(text: string, more = 0): number {
    if (text === this.#lastText && this.#lastBytes + more <= this.#window.length) return this.#lastBytes;
    if (!this.ascii && this.#extendText(text, more)) return this.#lastBytes;
    // The first try fits ASCII, the second everything: a UTF-16 unit takes three bytes at most.
    if (!this.tryReserve(text.length + more)) return -1;
    let { read, written } = encoder.encodeInto(text, this.#window);
    if (read < text.length || written + more > this.#window.length) {
      if (!this.tryReserve(text.length * 3 + more)) return -1;
      ({ read, written } = encoder.encodeInto(text, this.#window));
    }
    this.ascii = read === written;
    if (text.length <= LAST_TEXT_UNITS_MAX) {
      this.#lastText = text;
      this.#lastBytes = written;
    }
    return written;
  }

  /**
   * Writes what `text` has beyond the last one. False when it does not begin with that, or the window is too short. For
   * text that is not ASCII: its encoding costs twenty times as much as its comparison, ASCII's less than that.
   */
  #extendText(text: string, more: number): boolean {
    const last = this.#lastText;
    if (last === "" || text.length > LAST_TEXT_UNITS_MAX || endsInsidePair(last)) return false;
    if (text.slice(0, last.length) !== last) return false;
    const rest = text.slice(last.length);
    if (this.#lastBytes + rest.length * 3 + more > this.#window.length) return false;
    const { written } = encoder.encodeInto(rest, this.#window.subarray(this.#lastBytes));
    this.#lastText = text;
    this.#lastBytes += written;
    return true;
  }

  /** As `tryWriteText`. Throws `RangeError` when there is no memory. */
  writeText(text: string, more = 0): number {
    const bytes = this.tryWriteText(text, more);
    if (bytes < 0) {
      throw new RangeError(`Cannot read input: no memory for a text of ${text.length} characters`);
    }
    return bytes;
  }

  /** As `writeText`, for bytes, with room for `more` behind. */
  writeBytes(bytes: Uint8Array, more = 0): number {
    this.reserve(bytes.length + more);
    this.u8.set(bytes, this.input);
    this.ascii = false;
    return bytes.length;
  }

  #forgetText(): void {
    this.#lastText = "";
    this.#lastBytes = 0;
    this.u32[this.#header + HeaderWord.KNOWN] = 0;
  }

  /** Forgets the windows: the core has freed them. */
  forgetWindows(): void {
    this.#forgetText();
    this.refresh();
    this.#refreshWindow();
  }
}

/** Whether the last unit may be the first half of a character: alone it is encoded otherwise than with the second. */
function endsInsidePair(text: string): boolean {
  return (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800;
}
