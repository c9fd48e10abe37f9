/**
 * A `fetch` that shows workers the key they ask for.
 *
 * @module
 */

/**
 * Sends everything with `Authorization: Bearer <key>`, in place of any that the caller gave.
 *
 * @param send `fetch`, or what takes the same arguments
 * @param key null: `send` as it is
 */
export function withBearer<Input, Reply>(
  send: (input: Input, init: RequestInit) => Promise<Reply>,
  key: string | null,
): (input: Input, init?: RequestInit) => Promise<Reply> {
  if (key === null) return (input, init = {}) => send(input, init);
  const authorization = `Bearer ${key}`;
  return (input, init = {}) =>
    send(input, { ...init, headers: withAuthorization(init.headers, authorization) });
}

/** Pairs stay pairs: a `Headers` made of them would cost more than the rest of the way. */
function withAuthorization(headers: HeadersInit | undefined, authorization: string): [string, string][] {
  const pairs: Iterable<readonly string[]> = Array.isArray(headers) ? headers : new Headers(headers);
  const kept: [string, string][] = [];
  for (const [name = "", value = ""] of pairs) {
    if (name.toLowerCase() !== "authorization") kept.push([name, value]);
  }
  kept.push(["authorization", authorization]);
  return kept;
}
