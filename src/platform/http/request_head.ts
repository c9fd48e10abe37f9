/**
 * Writes the head of an HTTP/1.1 request.
 *
 * @module
 */

/** Written by this module itself, or meant for another connection. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
  "expect",
]);
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** Methods whose empty body is said to be empty. */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
const LATIN_1_MAX = 0xff;

/**
 * The bytes of a request: head and body in one piece, so that they leave in one write.
 *
 * @param target path and query, ASCII
 * @throws TypeError for a header that would break the head
 */
export function requestBytes(
  method: string,
  target: string,
  host: string,
  headers: Iterable<readonly [string, string]>,
  body: Uint8Array | null,
): Uint8Array {
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of headers) {
    if (OWN_HEADERS.has(name.toLowerCase())) continue;
    if (!FIELD_NAME.test(name) || hasControl(value)) {
      throw new TypeError(`Cannot send header ${JSON.stringify(name)}: name or value is malformed`);
    }
    head += `${name}: ${value}\r\n`;
  }
  if (body !== null || WITH_BODY.has(method)) head += `content-length: ${body?.length ?? 0}\r\n`;
  head += "\r\n";
  const bytes = new Uint8Array(head.length + (body?.length ?? 0));
  writeLatin1(bytes, head);
  if (body !== null) bytes.set(body, head.length);
  return bytes;
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code === 0x0a || code === 0x0d || code > LATIN_1_MAX) return true;
  }
  return false;
}

function writeLatin1(bytes: Uint8Array, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
}
