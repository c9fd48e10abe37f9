import assert from "node:assert/strict";
import type { Fetch } from "../../../src/types.ts";
import { ANSWER_BYTES_MAX, ANSWER_TIMEOUT_MS, askJson } from "../../../src/worker/ask_json.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const ask = (fetch: Fetch, clock = new FakeClock()) =>
  askJson("http://a:1/x", [["x-a", "1"]], { fetch, clock });

Deno.test("askJson() gives the object that a worker answers with, else null", async () => {
  const answers: [() => Response, unknown][] = [
    [() => Response.json({ a: 1 }), { a: 1 }],
    [() => Response.json([1]), null],
    [() => Response.json(null), null],
    [() => new Response("no JSON"), null],
    [() => Response.json({ a: 1 }, { status: 500 }), null],
    [() => new Response(new Uint8Array(ANSWER_BYTES_MAX + 1).fill(0x20)), null],
    [() => new Response(null), null],
    [() => new Response(`{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`), null],
  ];
  for (const [answer, expected] of answers) {
    const seen: (string | null)[] = [];
    const fetch: Fetch = (_, init) => {
      seen.push(new Headers(init?.headers).get("x-a"));
      return Promise.resolve(answer());
    };
    assert.deepEqual(await ask(fetch), expected);
    assert.deepEqual(seen, ["1"]);
  }
  assert.equal(await ask(() => Promise.reject(new TypeError("refused"))), null);
});

Deno.test("askJson() does not wait for a worker that hangs, and lets its connection go", async () => {
  const clock = new FakeClock();
  let signal: AbortSignal | null | undefined = null;
  const answer = ask((_, init) => {
    signal = init?.signal;
    return new Promise(() => {});
  }, clock);
  await clock.advance(ANSWER_TIMEOUT_MS);
  assert.equal(await answer, null);
  assert.ok((signal as AbortSignal | null)?.aborted);
});
