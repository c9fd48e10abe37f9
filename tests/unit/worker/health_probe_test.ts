/** Over real sockets: the runtime's `fetch`, and nothing left open afterwards (the test runner looks). */
import assert from "node:assert/strict";
import { systemClock } from "../../../src/sync/clock.ts";
import { probeHealth, type ProbeVerdict } from "../../../src/worker/health_probe.ts";

const CASES: [what: string, answer: () => Response, expected: Partial<ProbeVerdict>][] = [
  ["an empty 200", () => new Response(null), { isWell: true }],
  ["a body without an end", () => new Response(new ReadableStream()), { isWell: true }],
  ["a large body", () => new Response(new Uint8Array(1 << 20)), { isWell: true }],
  ["a redirect to a healthy page", () => Response.redirect("http://127.0.0.1:9/"), {
    isWell: false,
    hasAnswered: true,
    reason: "answered 302",
  }],
  ["a 503", () => new Response("loading", { status: 503 }), { isWell: false, hasAnswered: true }],
];

for (const [what, answer, expected] of CASES) {
  Deno.test(`probeHealth() judges ${what} by its head`, async () => {
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
      assert.equal(new URL(request.url).pathname, "/health");
      return answer();
    });
    const verdict = await probeHealth(`http://127.0.0.1:${server.addr.port}`, new AbortController(), {
      fetch,
      clock: systemClock,
      timeoutMs: 600_000,
    });
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(verdict?.[key as keyof ProbeVerdict], value, key);
    }
  });
}

Deno.test("probeHealth() takes a refused connection for silence", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const verdict = await probeHealth(`http://127.0.0.1:${port}`, new AbortController(), {
    fetch,
    clock: systemClock,
    timeoutMs: 600_000,
  });
  assert.deepEqual([verdict?.isWell, verdict?.hasAnswered], [false, false]);
});

Deno.test("probeHealth() gives up on a worker that accepts and says nothing", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const accepted = listener.accept();
  const clock = { ...systemClock, sleep: () => accepted.then(() => {}) };
  const verdict = await probeHealth(`http://127.0.0.1:${listener.addr.port}`, new AbortController(), {
    fetch,
    clock,
    timeoutMs: 7,
  });
  (await accepted).close();
  assert.deepEqual(verdict, { isWell: false, hasAnswered: false, reason: "no answer within 7 ms" });
});
