import assert from "node:assert/strict";
import type { EncodeBackend } from "../../../src/tokenizer/backend.ts";
import { withFallback } from "../../../src/tokenizer/fallback_backend.ts";
import { exceedsRegexBudget } from "../../../src/tokenizer/kitoken.ts";

/** Encodes every text as one id. */
function backendDouble(id: number, failsOn?: string): EncodeBackend & { asked: string[]; isClosed: boolean } {
  return {
    name: "kitoken",
    asked: [],
    isClosed: false,
    encode(text) {
      this.asked.push(text);
      if (text === failsOn) throw new WebAssembly.RuntimeError("unreachable");
      return Uint32Array.of(id);
    },
    close() {
      this.isClosed = true;
    },
  };
}

Deno.test("withFallback() gives a text that is beyond the first backend to the second, and keeps the first", () => {
  const fast = backendDouble(1), slow = backendDouble(2);
  const backend = withFallback(fast, (text) => text === "long", () => slow);
  const ids = ["a", "long", "b"].map((text) => backend.encode(text)[0]);
  assert.deepEqual(ids, [1, 2, 1]);
  assert.deepEqual(fast.asked, ["a", "b"]);
  backend.close();
  assert.deepEqual([fast.isClosed, slow.isClosed], [true, true]);
});

Deno.test("withFallback() asks the first backend no more after it failed", () => {
  const fast = backendDouble(1, "bad"), slow = backendDouble(2);
  const backend = withFallback(fast, () => false, () => slow);
  const ids = ["a", "bad", "b"].map((text) => backend.encode(text)[0]);
  assert.deepEqual(ids, [1, 2, 2]);
  assert.deepEqual(fast.asked, ["a", "bad"]);
});

Deno.test("exceedsRegexBudget() finds words of half a million characters, and no usual text", () => {
  const long = 600_000;
  const cases: [string, string, boolean][] = [
    ["short", "a".repeat(400_000), false],
    ["letters", "a".repeat(long), true],
    ["letters after text", "hello, world ".repeat(9) + "ab".repeat(long / 2), true],
    ["ideographs", "中文".repeat(long / 2), true],
    ["beyond the BMP", "𠀀𠀁".repeat(long / 4), true],
    ["spaces", " ".repeat(long), true],
    ["signs", "=-".repeat(long / 2), true],
    ["digits", "12".repeat(long / 2), true],
    ["words", "hello world ".repeat(long / 12), false],
    ["base64", "aGVsbG8gd29ybGQ1".repeat(long / 16), false],
  ];
  for (const [name, text, expected] of cases) assert.equal(exceedsRegexBudget(text), expected, name);
});
