/**
 * Reads a whole body under a bound.
 *
 * @module
 */
import { BadRequestError } from "../errors.ts";

/** Something with a body: a request from a client or a reply of a worker. */
type Message = Pick<Request, "headers" | "body" | "bytes">;

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
  if (message.body === null) return new Uint8Array();
  const declared = message.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
    return await message.bytes();
  }
  return await readChunks(message.body, maxBytes, tooLarge);
}

/** A client's body. @throws BadRequestError 413 above `maxBytes` */
export function readRequestBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return readBytes(
    request,
    maxBytes,
    (max) =>
      new BadRequestError(`Cannot read request body: it exceeds ${max} bytes (--max-body-bytes)`, {
        status: 413,
        code: "body_too_large",
      }),
  );
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
