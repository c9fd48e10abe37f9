/**
 * Bodies that are made while they are read.
 *
 * @module
 */
import type { Random } from "../../types.ts";

/** Where the bytes of a body come from. */
export interface ByteSource {
  /** The next bytes, or null at the end. A rejection breaks the connection. */
  next(): Promise<Uint8Array | null>;
  /** The reader left. */
  cancel(): void;
}

const encoder = new TextEncoder();

/** One SSE frame. */
export function sseFrame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The frame after the last one. */
export const SSE_DONE = "data: [DONE]\n\n";

/** UTF-8 of `text`. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A body that asks `source` only as fast as it is read. */
export function bodyFrom(source: ByteSource): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const bytes = await source.next();
      if (bytes === null) controller.close();
      else controller.enqueue(bytes);
    },
    cancel: () => source.cancel(),
  }, { highWaterMark: 0 });
}

/** The bytes of `source` in pieces of 1 to `pieceBytesMax`, which end wherever they end. */
export function recut(source: ByteSource, pieceBytesMax: number, random: Random): ByteSource {
  let held: Uint8Array = new Uint8Array(0);
  return {
    async next() {
      const length = 1 + Math.floor(random() * Math.max(1, pieceBytesMax));
      let more: Uint8Array | null = held;
      while (held.length < length && more !== null) {
        more = await source.next();
        if (more !== null) held = concat(held, more);
      }
      if (held.length === 0) return null;
      const piece = held.subarray(0, length);
      held = held.subarray(length);
      return piece;
    },
    cancel: () => source.cancel(),
  };
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
