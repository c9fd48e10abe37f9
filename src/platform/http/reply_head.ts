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
/** Lines that came before, most of them and the longest: workers send few different ones. */
const KNOWN_LINES_MAX = 256;
const KNOWN_LINE_UNITS_MAX = 128;
const knownHeaders = new Map<string, HeaderLine>();
const knownStatuses = new Map<string, StatusLine>();
/** They tell where the body ends and what becomes of the connection. */
const FRAMING_HEADERS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection"]);

interface StatusLine {
  readonly status: number;
  /** HTTP/1.1, not 1.0. */
  readonly isCurrent: boolean;
}

interface HeaderLine {
  readonly pair: [string, string];
  /** One of {@link FRAMING_HEADERS}. */
  readonly isFraming: boolean;
}

/**
 * Parses a head.
 *
 * @param text the head without its blank line, one character a byte
 * @param method of the request: a reply to HEAD has no body
 * @throws HttpFormatError when it is malformed or its framing is ambiguous (RFC 9112 §6.3)
 */
export function parseReplyHead(text: string, method: string): ReplyHead {
  const lines = text.split("\r\n");
  const { status, isCurrent } = statusLineOf(lines[0] as string);
  const headers: [string, string][] = [];
  let length: number | null = null;
  let coding: string | null = null;
  let connection = "";
  for (let i = 1; i < lines.length; i++) {
    const { pair, isFraming } = headerLineOf(lines[i] as string);
    headers.push(pair);
    if (!isFraming) continue;
    const [name, value] = pair;
    if (name === "content-length") length = readLength(value, length);
    else if (name === "transfer-encoding") coding = coding === null ? value : `${coding}, ${value}`;
    else connection += `,${value.toLowerCase()}`;
  }
  const framing = framingOf(status, method, coding, length);
  const tokens = connection === "" ? [] : connection.split(",").map((token) => token.trim());
  const wantsMore = isCurrent ? !tokens.includes("close") : tokens.includes("keep-alive");
  return { status, headers, framing, keepsAlive: wantsMore && framing.kind !== "until close" };
}

function statusLineOf(line: string): StatusLine {
  const known = knownStatuses.get(line);
  if (known !== undefined) return known;
  const match = STATUS_LINE.exec(line);
  if (match === null) throw malformed("status line", line);
  return remember(knownStatuses, line, { status: Number(match[2]), isCurrent: match[1] === "1" });
}

function headerLineOf(line: string): HeaderLine {
  const known = knownHeaders.get(line);
  if (known !== undefined) return known;
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).toLowerCase();
  if (colon <= 0 || !FIELD_NAME.test(name)) throw malformed("header", line);
  const pair: [string, string] = [name, line.slice(colon + 1).trim()];
  return remember(knownHeaders, line, { pair, isFraming: FRAMING_HEADERS.has(name) });
}

function remember<T>(known: Map<string, T>, line: string, parsed: T): T {
  if (line.length > KNOWN_LINE_UNITS_MAX) return parsed;
  if (known.size >= KNOWN_LINES_MAX) known.clear();
  known.set(line, parsed);
  return parsed;
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
