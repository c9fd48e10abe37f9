import assert from "node:assert/strict";
import { SAME_SIGNAL_MS, type StopSignal, untilStopSignal } from "../../../src/platform/signals.ts";

/** Signals that a test sends, at times of its own. */
function setUp() {
  const handlers = new Map<StopSignal, () => void>();
  const exits: number[] = [];
  let now = 0;
  const stopped = untilStopSignal({
    listen: (signal, handler) => void handlers.set(signal, handler),
    exit: (code) => void exits.push(code),
    nowMs: () => now,
  });
  const send = (signal: StopSignal, atMs: number) => {
    now = atMs;
    handlers.get(signal)!();
  };
  return { stopped, exits, send };
}

const CASES: readonly [what: string, sent: readonly [StopSignal, atMs: number][], exits: number[]][] = [
  ["one signal", [["SIGTERM", 7]], []],
  ["one signal that comes twice", [["SIGTERM", 7], ["SIGTERM", 7 + SAME_SIGNAL_MS]], []],
  ["one wish by two signals", [["SIGINT", 0], ["SIGTERM", 1]], []],
  ["a second signal", [["SIGTERM", 0], ["SIGTERM", SAME_SIGNAL_MS + 1]], [143]],
  ["another second signal", [["SIGTERM", 0], ["SIGINT", 5_000]], [130]],
  ["one signal through two parents", [["SIGINT", 0], ["SIGINT", 1], ["SIGINT", 2]], []],
];

for (const [what, sent, expected] of CASES) {
  const does = expected.length === 0 ? "leaves time to finish" : `ends the process with ${expected}`;
  Deno.test(`untilStopSignal(): ${what} ${does}`, async () => {
    const { stopped, exits, send } = setUp();
    for (const [signal, atMs] of sent) send(signal, atMs);
    assert.equal(await stopped, sent[0]![0]);
    assert.deepEqual(exits, expected);
  });
}
