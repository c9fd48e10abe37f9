/**
 * Reads a whole body under a bound.
 *
 * @module
 */
import { BadRequestError, RouterError } from "../errors.ts";
import { untilAborted } from "../sync/until_aborted.ts";
import type { WorkerReply } from "../types.ts";

/** Something with a body: a request from a client or a reply of a worker. */
type Message = Pick<WorkerReply, "headers" | "body" | "bytes">;

/**
 * The whole body; empty when there is none.
 *
 * @param tooLarge makes the error for a body above `maxBytes`
 */
export async function readBytes(
  message: Message,
  maxBytes: number,
  tooLarge: (maxBytes: number) => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = message.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
    return await message.bytes();
  }
  // Asked for last: looking at `body` makes a stream, and reading that costs more than all else here.
  if (message.body === null) return new Uint8Array();
  return await readChunks(message.body, maxBytes, tooLarge);
}

/**
 * A client's body.
 *
 * @param bound what sets `maxBytes`, for the message
 * @param signal the exchange's: a client that sends nothing must not hold a request past its time
 * @throws BadRequestError 413 above `maxBytes`, 400 when the body breaks off; the signal's reason when it aborts
 */
export async function readRequestBody(
  request: Request,
  maxBytes: number,
  signal: AbortSignal,
  bound = "--max-body-bytes",
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await untilAborted(readBytes(request, maxBytes, () => tooLargeBody(maxBytes, bound)), signal);
  } catch (cause) {
    signal.throwIfAborted();
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

async function readChunks(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  tooLarge: (maxBytes: number) => Error,
): Promise<Uint8Array<ArrayBuffer>> {
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
