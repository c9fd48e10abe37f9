/**
 * Reads whole `/generate` replies from their bytes: ids and log-probabilities, which are nearly all of a reply, go straight
 * into typed arrays, and only the rest is parsed as JSON.
 *
 * The two arrays are found by their keys. A quote within a JSON string is written `\"`, so a bare `"output_ids":` is a key
 * and nothing else. Whatever is not as expected is left to `JSON.parse`, all of it.
 *
 * @module
 */
import type { SampledOutput } from "./engine.ts";
import { JsonBytes } from "./json_numbers.ts";
import { parseJson } from "./read_json.ts";
import { parseGenerateReply, type ReplyArrays, type Triples } from "./sglang.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const LOWER_N = 0x6e;
const LOWER_O = 0x6f;
const ID_MAX = 0xffff_ffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const IDS_KEY = encoder.encode('"output_ids"');
const TRIPLES_KEY = encoder.encode('"output_token_logprobs"');
const NULL = encoder.encode("null");
/** Holds what is left of short replies; used and done with in one turn. */
const scratch = new Uint8Array(16 * 1024);
const NOTHING = new Uint8Array();
/** Used and done with in one turn as well: one for all lists of all replies. */
const cursor = new JsonBytes(NOTHING);
/** Arrays are read into these, and copied out when their length is known. They grow to the longest reply. */
let idRoom = new Uint32Array(1024);
let logprobRoom = new Float64Array(1024);

/**
 * What a reply sampled, one output an object; null when the body is no generate reply.
 *
 * @param body JSON: an object, or a list of them
 */
export function parseGenerateBody(body: Uint8Array): SampledOutput[] | null {
  const cut = cutArrays(body);
  // Replies may be long: this one must not stay until the next.
  cursor.moveTo(NOTHING, 0);
  const value = parseJson(decoder.decode(cut === null ? body : cut.rest));
  if (value === undefined) return null;
  const outputs: SampledOutput[] = [];
  for (const reply of Array.isArray(value) ? value : [value]) {
    const output = parseGenerateReply(reply, cut ?? undefined);
    if (output === null) return null;
    outputs.push(output);
  }
  return outputs;
}

/** A body whose arrays were taken out: a number stands in the place of each, its index among those of its kind. */
interface CutBody extends ReplyArrays {
  readonly rest: Uint8Array;
}

/** null when an array is not as expected. */
function cutArrays(body: Uint8Array): CutBody | null {
  const rest = body.length <= scratch.length ? scratch : new Uint8Array(body.length);
  const ids: Uint32Array[] = [];
  const triples: Triples[] = [];
  let copiedTo = 0;
  let length = 0;
  for (let quote = body.indexOf(QUOTE); quote >= 0; quote = body.indexOf(QUOTE, quote + 1)) {
    if (body[quote + 1] !== LOWER_O || body[quote - 1] === BACKSLASH) continue;
    const key = startsWith(body, quote, IDS_KEY)
      ? IDS_KEY
      : startsWith(body, quote, TRIPLES_KEY)
      ? TRIPLES_KEY
      : null;
    if (key === null) continue;
    cursor.moveTo(body, quote + key.length);
    // The string may be a value.
    if (!cursor.take(COLON)) continue;
    cursor.peek();
    const start = cursor.at;
    let index: number;
    if (key === IDS_KEY) {
      const list = readIds();
      if (list === null) return null;
      index = ids.push(list) - 1;
    } else {
      const list = readTriples(ids[triples.length]);
      if (list === null) return null;
      index = triples.push(list) - 1;
    }
    rest.set(body.subarray(copiedTo, start), length);
    length += start - copiedTo;
    for (const digit of String(index)) rest[length++] = digit.charCodeAt(0);
    copiedTo = cursor.at;
    quote = cursor.at - 1;
  }
  rest.set(body.subarray(copiedTo), length);
  return { rest: rest.subarray(0, length + body.length - copiedTo), ids, triples };
}

/** `[1,2,3]`. */
function readIds(): Uint32Array | null {
  if (!cursor.take(OPENING_BRACKET)) return null;
  if (cursor.take(CLOSING_BRACKET)) return new Uint32Array();
  let count = 0;
  do {
    cursor.peek();
    const id = cursor.integer();
    if (!(id <= ID_MAX)) return null;
    if (count === idRoom.length) growRoom();
    idRoom[count++] = id;
  } while (cursor.take(COMMA));
  return cursor.take(CLOSING_BRACKET) ? idRoom.slice(0, count) : null;
}

/**
 * `[[-0.5,1,null],…]`: log-probability or null, id, and whatever is no part of the record.
 *
 * @param outputIds returned as the ids when they are the same: usually they are
 */
function readTriples(outputIds: Uint32Array | undefined): Triples | null {
  if (!cursor.take(OPENING_BRACKET)) return null;
  if (cursor.take(CLOSING_BRACKET)) return { tokenIds: new Uint32Array(), logprobs: new Float64Array() };
  let count = 0;
  let isSame = true;
  do {
    if (count === idRoom.length) growRoom();
    if (!cursor.take(OPENING_BRACKET)) return null;
    if (cursor.peek() === LOWER_N) {
      if (!takeNull()) return null;
      logprobRoom[count] = NaN;
    } else if (!cursor.number(logprobRoom, count)) {
      return null;
    }
    if (!cursor.take(COMMA)) return null;
    cursor.peek();
    const id = cursor.integer();
    if (!(id <= ID_MAX)) return null;
    isSame &&= outputIds !== undefined && outputIds[count] === id;
    idRoom[count++] = id;
    if (cursor.take(COMMA) && !takeNull()) return null;
    if (!cursor.take(CLOSING_BRACKET)) return null;
  } while (cursor.take(COMMA));
  if (!cursor.take(CLOSING_BRACKET)) return null;
  const tokenIds = isSame && outputIds?.length === count ? outputIds : idRoom.slice(0, count);
  return { tokenIds, logprobs: logprobRoom.slice(0, count) };
}

function growRoom(): void {
  const [ids, logprobs] = [idRoom, logprobRoom];
  idRoom = new Uint32Array(ids.length * 2);
  logprobRoom = new Float64Array(ids.length * 2);
  idRoom.set(ids);
  logprobRoom.set(logprobs);
}

function takeNull(): boolean {
  if (cursor.peek() !== LOWER_N || !startsWith(cursor.bytes, cursor.at, NULL)) return false;
  cursor.at += NULL.length;
  return true;
}

function startsWith(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}
