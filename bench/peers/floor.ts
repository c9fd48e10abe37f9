/**
 * The floor: what must happen to the bytes and nothing else. Texts are encoded into WebAssembly memory, compared with a
 * stored copy 64 bytes at a time, payloads are set and copied. No tree, no checks, no records.
 *
 * @module
 */
import asc from "assemblyscript/asc";
import type { TrieEntry } from "../support/trie_corpus.ts";

const SOURCE = `
import { commonPrefix } from "./bytes";
export function compare(a: usize, b: usize, length: u32): u32 { return commonPrefix(a, b, length); }
export function copy(to: usize, from: usize, length: u32): void { memory.copy(to, from, length); }
`;
const BYTES = new URL("../../assembly/bytes.ts", import.meta.url);
const PAGE = 65_536;
/** Stored for a token: id, and logprob in 32 bits. */
const STORED_TOKEN_BYTES = 8;

interface Exports {
  compare(a: number, b: number, length: number): number;
  copy(to: number, from: number, length: number): void;
}

/** Does what no trie can save, for the same entries. */
export class Floor {
  readonly #sizes: readonly [module: WebAssembly.Module, windowBytes: number, storedBytes: number];
  readonly #exports: Exports;
  readonly #u8: Uint8Array<ArrayBuffer>;
  readonly #u32: Uint32Array<ArrayBuffer>;
  readonly #f64: Float64Array<ArrayBuffer>;
  readonly #window: Uint8Array<ArrayBuffer>;
  readonly #stored: number;
  readonly #payload: number;
  readonly #encoder = new TextEncoder();

  private constructor(module: WebAssembly.Module, windowBytes: number, storedBytes: number) {
    this.#sizes = [module, windowBytes, storedBytes];
    const pages = Math.ceil((windowBytes * 6 + storedBytes) / PAGE) + 1;
    const memory = new WebAssembly.Memory({ initial: pages });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    this.#exports = exports as unknown as Exports;
    const buffer = memory.buffer as ArrayBuffer;
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#f64 = new Float64Array(buffer);
    this.#window = this.#u8.subarray(0, windowBytes);
    this.#payload = (windowBytes + 7) & ~7;
    this.#stored = this.#payload * 6;
  }

  static async for(entries: readonly TrieEntry[]): Promise<Floor> {
    const longest = Math.max(...entries.map((e) => e.text.length));
    const bytes = entries.reduce((sum, e) => sum + storedBytes(e), 0);
    return new Floor(await compile(), longest, bytes);
  }

  /** Another in memory that nothing has touched. */
  fresh(): Floor {
    return new Floor(...this.#sizes);
  }

  /** Encodes each text, sets its payload, copies both to where they stay. */
  insert(entries: readonly TrieEntry[]): void {
    let at = this.#stored;
    for (const { text, tokenIds, logprobs, lossMask } of entries) {
      this.#encoder.encodeInto(text, this.#window);
      const count = tokenIds.length;
      this.#f64.set(logprobs, this.#payload >>> 3);
      this.#u32.set(tokenIds, (this.#payload + count * 8) >>> 2);
      this.#u8.set(lossMask, this.#payload + count * 12);
      this.#exports.copy(at, 0, text.length);
      this.#exports.copy(at + text.length, this.#payload, count * STORED_TOKEN_BYTES);
      at += text.length + count * STORED_TOKEN_BYTES;
    }
  }

  /** Encodes each text and compares it with its stored copy; with `payload`, copies what is stored for it. */
  match(entries: readonly TrieEntry[], payload: boolean): void {
    let at = this.#stored;
    for (const { text, tokenIds } of entries) {
      this.#encoder.encodeInto(text, this.#window);
      const same = this.#exports.compare(0, at, text.length);
      if (same !== text.length) {
        throw new Error(`Cannot trust the floor: ${same} of ${text.length} bytes agree`);
      }
      at += text.length;
      if (payload) this.#exports.copy(this.#payload, at, tokenIds.length * STORED_TOKEN_BYTES);
      at += tokenIds.length * STORED_TOKEN_BYTES;
    }
  }
}

function storedBytes({ text, tokenIds }: TrieEntry): number {
  return text.length + tokenIds.length * STORED_TOKEN_BYTES;
}

async function compile(): Promise<WebAssembly.Module> {
  const sources: Record<string, string> = {
    "floor.ts": SOURCE,
    "bytes.ts": await Deno.readTextFile(BYTES),
  };
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const options = ["floor.ts", "--config=none", "-O3", "--runtime=stub", "--enable=simd", "--importMemory"];
  const { error, stderr } = await asc.main([...options, "--use=abort=", "--outFile=floor.wasm"], {
    readFile: (name: string) => sources[name] ?? null,
    writeFile: (name: string, contents: string | Uint8Array) => {
      if (name === "floor.wasm") wasm = contents as Uint8Array<ArrayBuffer>;
    },
    listFiles: () => [],
  });
  if (error || wasm === undefined) throw new Error(`Cannot compile the floor: ${stderr.toString()}`);
  return await WebAssembly.compile(wasm);
}
