/**
 * Reads the head of an HTTP/1.1 reply: status, headers, and how its body is framed.
 *
 * @module
 */

/** Where a body ends. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until close" };

/** The head of one reply. */
export interface ReplyHead {
  readonly status: number;
  /** In the order they came; names in lower case. Shared with other heads: not to be changed. */
  readonly headers: readonly [string, string][];
  readonly framing: Framing;
  /** Whether the connection may serve another request afterwards. */
  readonly keepsAlive: boolean;
}

/** The other side does not speak HTTP/1.1 as it should: the connection cannot be trusted any further. */
export class HttpFormatError extends TypeError {
  override readonly name = "HttpFormatError";
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const SHOWN_UNITS = 80;
/** Header lines that came before, most of them and the longest: workers send few different ones. */
const KNOWN_LINES_MAX = 256;
const KNOWN_LINE_UNITS_MAX = 128;
const knownLines = new Map<string, [string, string]>();

/**
 * Parses a head.
 *
 * @param text the head without its blank line, one character a byte
 * @param method of the request: a reply to HEAD has no body
 * @throws HttpFormatError when it is malformed or its framing is ambiguous (RFC 9112 §6.3)
 */
export function parseReplyHead(text: string, method: string): ReplyHead {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const match = STATUS_LINE.exec(statusLine);
  if (match === null) throw malformed("status line", statusLine);
  const status = Number(match[2]);
  const headers: [string, string][] = [];
  let length: number | null = null;
  let coding: string | null = null;
  let connection = "";
  for (const line of lines) {
    const header = parseLine(line);
    const [name, value] = header;
    headers.push(header);
    if (name === "content-length") length = readLength(value, length);
    else if (name === "transfer-encoding") coding = coding === null ? value : `${coding}, ${value}`;
    else if (name === "connection") connection += `,${value.toLowerCase()}`;
  }
  const framing = framingOf(status, method, coding, length);
  const tokens = connection === "" ? [] : connection.split(",").map((token) => token.trim());
  const wantsMore = match[1] === "1" ? !tokens.includes("close") : tokens.includes("keep-alive");
  return { status, headers, framing, keepsAlive: wantsMore && framing.kind !== "until close" };
}

function parseLine(line: string): [string, string] {
  const known = knownLines.get(line);
  if (known !== undefined) return known;
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).toLowerCase();
  if (colon <= 0 || !FIELD_NAME.test(name)) throw malformed("header", line);
  const header: [string, string] = [name, line.slice(colon + 1).trim()];
  if (line.length > KNOWN_LINE_UNITS_MAX) return header;
  if (knownLines.size >= KNOWN_LINES_MAX) knownLines.clear();
  knownLines.set(line, header);
  return header;
}

function framingOf(status: number, method: string, coding: string | null, length: number | null): Framing {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  if (coding === null) return length === null ? { kind: "until close" } : { kind: "length", bytes: length };
  // Two answers to where the body ends: one of them is an attack or a bug.
  if (length !== null) throw malformed("framing", "content-length and transfer-encoding");
  if (coding.toLowerCase() !== "chunked") throw malformed("transfer-encoding", coding);
  return { kind: "chunked" };
}

function readLength(value: string, before: number | null): number {
  const length = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (Number.isNaN(length) || (before !== null && before !== length)) {
    throw malformed("content-length", value);
  }
  return length;
}

function malformed(what: string, received: string): HttpFormatError {
  return new HttpFormatError(
    `Cannot read reply: malformed ${what}, received ${JSON.stringify(received.slice(0, SHOWN_UNITS))}`,
  );
}
