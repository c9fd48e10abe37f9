/**
 * Reads a whole body under a bound.
 *
 * @module
 */
import { BadRequestError, RouterError } from "../errors.ts";
import type { WorkerReply } from "../types.ts";
import type { Exchange } from "./exchange.ts";

/** Something with a body: a request from a client or a reply of a worker. */
type Message = Pick<WorkerReply, "headers" | "body" | "bytes">;

/**
 * The whole body; empty when there is none.
 *
 * @param tooLarge makes the error for a body above `maxBytes`
 */
export function readBytes(
  message: Message,
  maxBytes: number,
  tooLarge: (maxBytes: number) => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = message.headers.get("content-length");
  if (declared === null) return readChunks(message, maxBytes, tooLarge);
  return Number(declared) > maxBytes ? Promise.reject(tooLarge(maxBytes)) : message.bytes();
}

/**
 * A client's body.
 *
 * @param bound what sets `maxBytes`, for the message
 * @param exchange ends the wait: a client that sends nothing must not hold a request past its time
 * @throws BadRequestError 413 above `maxBytes`, 400 when the body breaks off; why the exchange was cancelled
 */
export async function readRequestBody(
  request: Request,
  maxBytes: number,
  exchange: Pick<Exchange, "until" | "throwIfCancelled">,
  bound = "--max-body-bytes",
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await exchange.until(readBytes(request, maxBytes, () => tooLargeBody(maxBytes, bound)));
  } catch (cause) {
    exchange.throwIfCancelled();
    if (cause instanceof RouterError) throw cause;
    throw new BadRequestError("Cannot read request body: it broke off", { cause });
  }
}

function tooLargeBody(maxBytes: number, bound: string): Error {
  return new BadRequestError(`Cannot read request body: it exceeds ${maxBytes} bytes (${bound})`, {
    status: 413,
    code: "body_too_large",
  });
}

/** Looking at `body` makes a stream, and reading that costs more than `bytes()`. */
async function readChunks(
  { body }: Message,
  maxBytes: number,
  tooLarge: (maxBytes: number) => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
