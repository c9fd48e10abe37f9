/**
 * Worker addresses: one spelling per worker, and nothing in them that a request could be smuggled through.
 *
 * @module
 */

/** Longest address accepted, in UTF-16 units. */
export const WORKER_URL_MAX_UNITS = 2048;

/** Longest part of a refused address that an error message quotes, in UTF-16 units. */
const QUOTED_MAX_UNITS = 200;

const UP_TO_CREDENTIALS = /^([a-z][a-z0-9+.-]*:\/\/)?.*@/is;
const FROM_QUERY = /([?#]).+$/s;
// deno-lint-ignore no-control-regex
const BLANK_OR_CONTROL = /[\s\u0000-\u001f\u007f]/;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f]/g;

/**
 * The one spelling of a worker's address: scheme and host in lower case, default port dropped, base path kept, no
 * trailing slash.
 *
 * @throws TypeError when `input` is not an http(s) URL, or carries credentials, a query or a fragment
 *
 * @example
 * ```ts
 * normalizeWorkerUrl("HTTP://GPU-3:80/v1//"); // "http://gpu-3/v1"
 * ```
 */
export function normalizeWorkerUrl(input: unknown): string {
  if (typeof input !== "string") {
    throw new TypeError(`Cannot add worker: url must be a string, received ${describe(input)}`);
  }
  const text = input.trim();
  if (text === "") throw new TypeError("Cannot add worker: url is empty");
  if (text.length > WORKER_URL_MAX_UNITS) {
    const limit = `url must not be longer than ${WORKER_URL_MAX_UNITS} characters`;
    throw new TypeError(`Cannot add worker: ${limit}, received ${text.length}`);
  }
  return format(parse(text));
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  // "gpu-3:30000" parses, with "gpu-3:" as its scheme: the commonest slip, named as what it is.
  const host = url?.hostname || null;
  const subject = host === null ? "" : ` "${host}"`;
  const refuse = (why: string) =>
    new TypeError(`Cannot add worker${subject}: url must ${why}, received "${quotable(text)}"`);
  if (!/^https?:/i.test(text)) throw refuse("be http(s)");
  if (url === null || host === null || !/^https?:\/\//i.test(text) || BLANK_OR_CONTROL.test(text)) {
    throw refuse("be an absolute http(s) URL");
  }
  if (url.username !== "" || url.password !== "") throw refuse("not carry credentials");
  if (/[?#]/.test(text)) throw refuse("not carry a query or fragment");
  return url;
}

function format(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
}

/** What was received, without the secrets it may hold: error messages end up in logs. */
export function quotable(text: string): string {
  const shown = text.replace(UP_TO_CREDENTIALS, "$1…@").replace(FROM_QUERY, "$1…")
    .replace(CONTROL, (control) => JSON.stringify(control).slice(1, -1));
  return shown.length > QUOTED_MAX_UNITS ? `${shown.slice(0, QUOTED_MAX_UNITS)}…` : shown;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `${typeof value}`;
}

/**
 * Whether an allow-list lets the router talk to the host of `url`. A pattern is a host (`gpu-3`), an exact IP
 * address, `*.suffix` (hosts under the suffix, not the suffix itself), each with `:port` or without (any port).
 * IPv6 addresses stand in brackets when a port follows. Case does not matter.
 *
 * @param url as {@link normalizeWorkerUrl} returns it
 * @param patterns null: no list, every host is allowed; an empty list allows none
 */
export function isAllowedHost(url: string, patterns: readonly string[] | null): boolean {
  if (patterns === null) return true;
  const { hostname, port, protocol } = new URL(url);
  const actualPort = port || (protocol === "https:" ? "443" : "80");
  return patterns.some((pattern) => {
    const wanted = splitPattern(pattern.trim().toLowerCase());
    return (wanted.port === null || wanted.port === actualPort) && matchesHost(hostname, wanted.host);
  });
}

function matchesHost(hostname: string, pattern: string): boolean {
  // "*.10.0.0.1" is no suffix of an address: addresses match as a whole only.
  if (!pattern.startsWith("*.")) return pattern !== "" && hostname === pattern;
  const isAddress = hostname.startsWith("[") || /^[\d.]+$/.test(hostname);
  return !isAddress && pattern.length > 2 && hostname.endsWith(pattern.slice(1)) &&
    hostname.length > pattern.length - 1;
}

function splitPattern(pattern: string): { host: string; port: string | null } {
  const bracketed = /^(\[[^\]]*\])(?::(\d+))?$/.exec(pattern);
  if (bracketed !== null) return { host: canonicalAddress(bracketed[1]!), port: bracketed[2] ?? null };
  if (pattern.indexOf(":") !== pattern.lastIndexOf(":")) {
    return { host: canonicalAddress(`[${pattern}]`), port: null };
  }
  const [host = "", port] = pattern.split(":");
  return { host, port: port ?? null };
}

/** IPv6 in the spelling that `URL` gives it; left alone when it is none. */
function canonicalAddress(bracketed: string): string {
  return URL.canParse(`http://${bracketed}`) ? new URL(`http://${bracketed}`).hostname : bracketed;
}
