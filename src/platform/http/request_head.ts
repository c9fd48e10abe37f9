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

/** Most header names that are remembered; clients choose them. */
const KNOWN_NAMES_MAX = 256;
/** What was found out about names: whether they are to be sent. */
const knownNames = new Map<string, boolean>();

/**
 * The head of a request, one character a byte.
 *
 * @param target path and query, ASCII
 * @throws TypeError for a header that would break the head
 */
export function requestHead(
  method: string,
  target: string,
  host: string,
  headers: Iterable<readonly [string, string]>,
  body: Uint8Array | null,
): string {
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of headers) {
    if (!isSent(name)) continue;
    if (hasControl(value)) throw malformed(name);
    head += `${name}: ${value}\r\n`;
  }
  if (body !== null || WITH_BODY.has(method)) head += `content-length: ${body?.length ?? 0}\r\n`;
  return `${head}\r\n`;
}

/**
 * Head and body in one piece, so that they leave in one write.
 *
 * @param room written to, and the result a part of it, when both fit
 */
export function requestBytes(head: string, body: Uint8Array | null, room: Uint8Array): Uint8Array {
  const length = head.length + (body?.length ?? 0);
  const bytes = length <= room.length ? room.subarray(0, length) : new Uint8Array(length);
  writeLatin1(bytes, head);
  if (body !== null) bytes.set(body, head.length);
  return bytes;
}

/** @throws TypeError for a name that is none */
function isSent(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const sent = !OWN_HEADERS.has(name.toLowerCase());
  if (sent && !FIELD_NAME.test(name)) throw malformed(name);
  if (knownNames.size < KNOWN_NAMES_MAX) knownNames.set(name, sent);
  return sent;
}

function malformed(name: string): TypeError {
  return new TypeError(`Cannot send header ${JSON.stringify(name)}: name or value is malformed`);
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
