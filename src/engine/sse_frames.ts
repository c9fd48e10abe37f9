/**
 * Splits a byte stream into server-sent events without decoding it: chunks may split an event, or a UTF-8 sequence,
 * anywhere.
 *
 * @module
 */
import { joinBytes } from "./join_bytes.ts";

const LF = 0x0a;
const CR = 0x0d;

/** Most bytes of one event. A longer one ends the tap, not the stream. */
export const SSE_EVENT_BYTES_MAX = 256 * 1024 * 1024;

/** Finds event ends. Holds the bytes of the unfinished event only. */
export class SseSplitter {
  #parts: Uint8Array[] = [];
  #heldBytes = 0;
  /** The last byte that is not CR was LF: the next LF ends the event. */
  #atLineEnd = false;

  /**
   * Feeds one chunk. Cost: one native search a line.
   *
   * @param onEvent called with the bytes of each finished event, blank line included
   * @throws RangeError when an event exceeds {@link SSE_EVENT_BYTES_MAX}
   */
  push(chunk: Uint8Array, onEvent: (event: Uint8Array[]) => void): void {
    let start = 0;
    let from = 0;
    if (this.#atLineEnd) {
      from = chunk[0] === CR ? 1 : 0;
      if (from < chunk.length) {
        const ends = chunk[from] === LF;
        this.#atLineEnd = false;
        if (ends) start = from = this.#finish(chunk, 0, from + 1, onEvent);
      }
    }
    for (let at = chunk.indexOf(LF, from); at >= 0; at = chunk.indexOf(LF, from)) {
      from = at + 1;
      const next = chunk[from] === CR ? from + 1 : from;
      if (next >= chunk.length) this.#atLineEnd = true;
      else if (chunk[next] === LF) start = from = this.#finish(chunk, start, next + 1, onEvent);
    }
    this.#hold(chunk.subarray(start));
  }

  /** Bytes after the last finished event. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  #finish(chunk: Uint8Array, start: number, end: number, onEvent: (event: Uint8Array[]) => void): number {
    this.#hold(chunk.subarray(start, end));
    const event = this.#parts;
    this.#parts = [];
    this.#heldBytes = 0;
    this.#atLineEnd = false;
    onEvent(event);
    return end;
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > SSE_EVENT_BYTES_MAX) {
      throw new RangeError(`Cannot read event stream: an event exceeds ${SSE_EVENT_BYTES_MAX} bytes`);
    }
    this.#parts.push(bytes);
  }
}

/** Longest event that is looked at for `data: [DONE]`; gateways may add an `id` or `event` line. */
const DONE_EVENT_BYTES_MAX = 256;
const decoder = new TextDecoder();
const DATA_FIELD = "data:";
const DATA_FIELD_BYTES = new TextEncoder().encode(DATA_FIELD);

/** Whether an event is the end mark. Long ones are told by their size. */
export function isDoneEvent(event: readonly Uint8Array[]): boolean {
  const bytes = event.reduce((sum, part) => sum + part.length, 0);
  return bytes <= DONE_EVENT_BYTES_MAX && eventData(event)?.trim() === "[DONE]";
}

/** Whether an event has data: comments and bare fields have none. The usual one is told by its first bytes. */
export function hasData(event: readonly Uint8Array[]): boolean {
  const first = event[0];
  const startsAsUsual = first !== undefined && first.length >= DATA_FIELD_BYTES.length &&
    DATA_FIELD_BYTES.every((byte, i) => first[i] === byte);
  return startsAsUsual || eventData(event) !== null;
}

/** The `data` of an event as text, lines joined by LF; null when it has none (a comment). */
export function eventData(event: readonly Uint8Array[]): string | null {
  const text = decoder.decode(joinBytes(event));
  const lineEnd = text.indexOf("\n");
  // The usual event is one line: a long one is not taken to pieces.
  if (text.startsWith(DATA_FIELD) && isBlank(text, lineEnd)) return fieldValue(text.slice(0, lineEnd));
  const lines: string[] = [];
  for (const line of text.split("\n")) if (line.startsWith(DATA_FIELD)) lines.push(fieldValue(line));
  return lines.length > 0 ? lines.join("\n") : null;
}

const QUOTE = 0x22;
/** The key, some space, and `null`. */
const FINISH_REASON_BYTES_MAX = 64;
const FINISH_REASON = /^"finish_reason"\s*:\s*(null)?/;

/**
 * Whether an event has a `finish_reason` other than `null`, found without decoding it. Cost: one native search a quote up
 * to the first such key, which engines write before the arrays that grow. Only a hint: what else the event is, its parser
 * tells.
 */
export function mentionsFinishReason(event: readonly Uint8Array[]): boolean {
  for (const [index, part] of event.entries()) {
    for (let at = part.indexOf(QUOTE); at >= 0; at = part.indexOf(QUOTE, at + 1)) {
      // `f` or, where the part ends here, whatever comes next.
      if (at + 1 < part.length && part[at + 1] !== 0x66) continue;
      const match = FINISH_REASON.exec(textFrom(event, index, at));
      if (match !== null) return match[1] === undefined;
    }
  }
  return false;
}

/** A few characters of an event from a place in one of its parts on. */
function textFrom(event: readonly Uint8Array[], index: number, at: number): string {
  let text = "";
  for (let i = index; i < event.length && text.length < FINISH_REASON_BYTES_MAX; i++) {
    const start = i === index ? at : 0;
    const bytes = (event[i] as Uint8Array).subarray(start, start + FINISH_REASON_BYTES_MAX - text.length);
    text += String.fromCharCode.apply(null, bytes as unknown as number[]);
  }
  return text;
}

function fieldValue(line: string): string {
  const start = line[DATA_FIELD.length] === " " ? DATA_FIELD.length + 1 : DATA_FIELD.length;
  return line.slice(start, line.endsWith("\r") ? -1 : undefined);
}

/** Whether nothing but line ends stands from `at`, the first of them, on. */
function isBlank(text: string, at: number): boolean {
  if (at < 0) return false;
  while (at < text.length && (text[at] === "\n" || text[at] === "\r")) at++;
  return at === text.length;
}
