import assert from "node:assert/strict";
import { eventData, isDoneEvent, SseSplitter } from "../../../src/engine/sse_frames.ts";

function split(chunks: Iterable<Uint8Array>): { events: (string | null)[]; held: number } {
  const splitter = new SseSplitter();
  const events: (string | null)[] = [];
  for (const chunk of chunks) splitter.push(chunk, (event) => events.push(eventData(event)));
  return { events, held: splitter.heldBytes };
}

const STREAMS: readonly [name: string, text: string, events: (string | null)[], held?: number][] = [
  ["LF", "data: a\n\ndata: 你🚀\n\n", ["a", "你🚀"]],
  ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
  ["mixed line ends", "data: a\r\n\ndata: b\n\r\n", ["a", "b"]],
  ["no space behind the colon", "data:a\n\n", ["a"]],
  ["two spaces: one is content", "data:  a\n\n", [" a"]],
  ["several data lines", "data: a\ndata: b\nid: 7\ndata: c\n\n", ["a\nb\nc"]],
  ["comments", ": ping\n\ndata: a\n\n:\n\n", [null, "a", null]],
  ["another field first", "event: message\ndata: a\n\n", ["a"]],
  ["empty data", "data:\n\n", [""]],
  ["an unfinished event", "data: a\n\ndata: b", ["a"], 7],
  ["an unfinished blank line", "data: a\n", [], 8],
];
for (const [name, text, events, held = 0] of STREAMS) {
  Deno.test(`SseSplitter finds the same events at every cut: ${name}`, () => {
    const bytes = new TextEncoder().encode(text);
    for (let a = 0; a <= bytes.length; a++) {
      for (let b = a; b <= bytes.length; b++) {
        const chunks = [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)];
        assert.deepEqual(split(chunks), { events, held }, `cut at ${a} and ${b}`);
      }
    }
    assert.deepEqual(split(Array.from(bytes, (byte) => Uint8Array.of(byte))).events, events);
  });
}

Deno.test("isDoneEvent() sees the end mark behind other fields of its event", () => {
  const bytes = (text: string) => [new TextEncoder().encode(text)];
  assert.ok(isDoneEvent(bytes("data: [DONE]\n\n")));
  assert.ok(isDoneEvent(bytes("event: message\nid: 7\ndata: [DONE]\n\n")));
  assert.ok(!isDoneEvent(bytes('data: {"text":"[DONE]"}\n\n')));
});
