/**
 * The exact bytes of every token, from `tokenizer.json` alone: what all backends share to turn ids into text.
 *
 * One flat array and one offset per id, so that decoding allocates nothing but its answer:
 *
 * ```text
 * bytes    | t o k e n 0 | t o k e n 1 | …
 * offsets  ^ offsets[0]  ^ offsets[1]  ^ offsets[2]
 * flags    KNOWN | SPECIAL, one byte an id; ids that the vocabulary skips have none
 * ```
 *
 * @module
 */
import { TokenizerLoadError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../types.ts";
import { byteOfChar } from "./byte_alphabet.ts";
import { isJsonObject, type TokenizerFile } from "./tokenizer_file.ts";

const KNOWN = 1;
const SPECIAL = 2;
const encoder = new TextEncoder();

/** UTF-8 needs at most three bytes for one UTF-16 unit. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** The arrays drawn above: what one thread hands another. */
export interface TokenBytesTables {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offsets: Uint32Array<ArrayBuffer>;
  readonly flags: Uint8Array<ArrayBuffer>;
}

/** Bytes, lengths and flags of every token id. */
export class TokenBytes {
  readonly tables: TokenBytesTables;
  readonly #bytes: Uint8Array;
  readonly #offsets: Uint32Array;
  readonly #flags: Uint8Array;

  constructor(tables: TokenBytesTables) {
    this.tables = tables;
    this.#bytes = tables.bytes;
    this.#offsets = tables.offsets;
    this.#flags = tables.flags;
  }

  /**
   * Builds the table. Added tokens are their content, whatever the decoder makes of other tokens.
   *
   * @throws {TokenizerLoadError} for a decoder whose tokens have no bytes of their own (`CTC`)
   */
  static fromFile(file: TokenizerFile): TokenBytes {
    const contents = contentsById(file);
    const addedIds = new Set(file.addedTokens.map((token) => token.id));
    const addModelToken = tokenWriter(file);
    const offsets = new Uint32Array(contents.length + 1);
    const flags = new Uint8Array(contents.length);
    const sink = new ByteSink();
    for (let id = 0; id < contents.length; id++) {
      const content = contents[id];
      if (content !== undefined) {
        flags[id] = KNOWN;
        if (addedIds.has(id)) sink.addText(content);
        else addModelToken(sink, content);
      }
      offsets[id + 1] = sink.end;
    }
    for (const token of file.addedTokens) if (token.special) flags[token.id]! |= SPECIAL;
    return new TokenBytes({ bytes: sink.bytes.slice(0, sink.end), offsets, flags });
  }

  /** One more than the largest id. */
  get size(): number {
    return this.#flags.length;
  }

  /** UTF-8 length of a token; -1 for an id that is none. */
  byteLength(id: number): number {
    return this.#isKnown(id) ? this.#offsets[id + 1]! - this.#offsets[id]! : -1;
  }

  /** Whether the id is that of a special token. */
  isSpecial(id: number): boolean {
    return ((this.#flags[id] ?? 0) & SPECIAL) !== 0;
  }

  /**
   * The bytes of `ids`, one after another. O(ids + bytes); allocates the answer only.
   *
   * @throws {RangeError} for an id that is none
   */
  decode(ids: ArrayLike<number>): Uint8Array {
    const bytes = this.#bytes, offsets = this.#offsets;
    const out = new Uint8Array(this.#totalLength(ids));
    let at = 0;
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index]!;
      const end = offsets[id + 1]!;
      for (let from = offsets[id]!; from < end; from++) out[at++] = bytes[from]!;
    }
    return out;
  }

  #isKnown(id: number): boolean {
    return ((this.#flags[id] ?? 0) & KNOWN) !== 0;
  }

  #totalLength(ids: ArrayLike<number>): number {
    let total = 0;
    for (let index = 0; index < ids.length; index++) {
      const length = this.byteLength(ids[index]!);
      if (length < 0) {
        throw new RangeError(
          `Cannot decode token id ${ids[index]}: outside the vocabulary of ${this.size} ids`,
        );
      }
      total += length;
    }
    return total;
  }
}

/** Content of every id; holes where the vocabulary skips one. An added token hides a model token of the same id. */
function contentsById(file: TokenizerFile): (string | undefined)[] {
  const contents: (string | undefined)[] = [];
  const { vocab } = file;
  if (vocab instanceof Map) {
    for (const [content, id] of vocab) setAt(contents, id, content);
  } else {
    const record = vocab as Readonly<Record<string, number>>;
    for (const content in record) setAt(contents, record[content]!, content);
  }
  for (const token of file.addedTokens) setAt(contents, token.id, token.content);
  return contents;
}

function setAt(contents: (string | undefined)[], id: number, content: string): void {
  while (contents.length <= id) contents.push(undefined);
  contents[id] = content;
}

/** Bytes that grow as tokens are added. */
class ByteSink {
  bytes = new Uint8Array(1 << 20);
  end = 0;

  addText(text: string): void {
    this.#reserve(text.length * UTF8_BYTES_PER_UNIT_MAX);
    this.end += encoder.encodeInto(text, this.bytes.subarray(this.end)).written;
  }

  addByte(byte: number): void {
    this.#reserve(1);
    this.bytes[this.end++] = byte;
  }

  /** Adds a token of the byte-level alphabet; one with a character outside it stands for itself. */
  addByteLevel(content: string): void {
    this.#reserve(content.length);
    for (let index = 0; index < content.length; index++) {
      const byte = byteOfChar(content.charCodeAt(index));
      if (byte < 0) return this.addText(content);
      this.bytes[this.end + index] = byte;
    }
    this.end += content.length;
  }

  #reserve(count: number): void {
    if (this.end + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.end + count));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }
}

/** How the model's own tokens turn into bytes, told by the decoder (or by the pre-tokenizer when there is none). */
function tokenWriter(file: TokenizerFile): (sink: ByteSink, content: string) => void {
  const steps = [...file.decoders, ...file.preTokenizers];
  if (steps.some((step) => step.type === "CTC")) {
    throw new TokenizerLoadError(
      `Cannot load tokenizer: tokens of ${file.source} have no bytes of their own (decoder "CTC")`,
    );
  }
  if (steps.some((step) => step.type === "ByteLevel")) return (sink, content) => sink.addByteLevel(content);
  const decode = file.decoders.map(decodeStep);
  return function addDecoded(sink, content) {
    let token: string | number = content;
    for (const step of decode) {
      token = step(token);
      if (typeof token === "number") return sink.addByte(token);
    }
    sink.addText(token);
  };
}

/** What a decoder step makes of one token that stands after others: text, or a single byte. */
type DecodeStep = (content: string) => string | number;

function decodeStep(step: JsonObject): DecodeStep {
  const text = (key: string, otherwise: string) => typeof step[key] === "string" ? step[key] : otherwise;
  switch (step.type) {
    case "ByteFallback":
      return (content) => /^<0x[0-9A-Fa-f]{2}>$/.test(content) ? parseInt(content.slice(3, 5), 16) : content;
    case "Metaspace":
      return replacing(text("replacement", "▁"), " ");
    case "BPEDecoder":
      return replacing(text("suffix", "</w>"), " ");
    case "WordPiece":
      return spacing(text("prefix", "##"));
    case "Replace":
      return replaceStep(step.pattern, text("content", ""));
    default: // Fuse joins, Strip and others touch the start or the end of a whole text only.
      return (content) => content;
  }
}

function replacing(from: string | RegExp, to: string): DecodeStep {
  return (content) => content.replaceAll(from, () => to);
}

/** A piece that opens a word has a space before it. */
function spacing(prefix: string): DecodeStep {
  return (content) => content.startsWith(prefix) ? content.slice(prefix.length) : ` ${content}`;
}

function replaceStep(pattern: JsonValue | undefined, to: string): DecodeStep {
  if (!isJsonObject(pattern)) return (content) => content;
  if (typeof pattern.String === "string") return replacing(pattern.String, to);
  if (typeof pattern.Regex === "string") return replacing(new RegExp(pattern.Regex, "gu"), to);
  return (content) => content;
}
