/**
 * Segments as the core reads them from the input window: assembly/command.ts draws the layout.
 *
 * @module
 */
import type { CheckedSegment } from "./input.ts";
import type { WasmCore } from "./wasm_core.ts";

const HEADER_BYTES = 40;
const PAIR_BYTES = 8;
/** Bit of a key's token count: the key is found, and never continued. */
const RETRIEVE_ONLY_KEY = 0x8000_0000;

/** Bytes of one command, a multiple of 8. */
export function commandBytes(segment: CheckedSegment): number {
  const pairs = segment.keys.length + segment.splicePoints.length + segment.runs.length;
  const tokenBytes = segment.logprobs === null ? 4 : 12;
  let textBytes = 0;
  for (const key of segment.keys) textBytes += key.bytes.length;
  const bytes = HEADER_BYTES + pairs * PAIR_BYTES + segment.tokenIds.length * tokenBytes + textBytes;
  return (bytes + 7) & ~7;
}

/** Writes one command at address `at`, for a segment of that scope. The address behind it. */
export function writeCommand(core: WasmCore, at: number, segment: CheckedSegment, scope: number): number {
  const { keys, splicePoints, runs, tokenIds, logprobs } = segment;
  const { u32, i32 } = core;
  const bytes = commandBytes(segment);
  let word = at >>> 2;
  u32[word] = tokenIds.length;
  u32[word + 1] = segment.sampled ? 1 : 0;
  u32[word + 2] = scope;
  u32[word + 3] = keys.length;
  u32[word + 4] = splicePoints.length;
  u32[word + 5] = runs.length;
  u32[word + 6] = logprobs === null ? 0 : 1;
  u32[word + 7] = bytes;
  u32[word + 8] = 0;
  u32[word + 9] = 0;
  word += HEADER_BYTES >>> 2;
  for (const key of keys) {
    u32[word++] = key.bytes.length;
    u32[word++] = key.retrieveOnly ? (key.tokens | RETRIEVE_ONLY_KEY) >>> 0 : key.tokens;
  }
  for (const point of splicePoints) {
    u32[word++] = point.byteOffset;
    u32[word++] = point.tokenIndex;
  }
  for (const run of runs) {
    u32[word++] = run.tokens;
    i32[word++] = run.code;
  }
  if (logprobs !== null) {
    core.f64.set(logprobs, word >>> 1);
    word += logprobs.length * 2;
  }
  u32.set(tokenIds, word);
  let byte = (word + tokenIds.length) * 4;
  for (const key of keys) {
    core.u8.set(key.bytes, byte);
    byte += key.bytes.length;
  }
  return at + bytes;
}
