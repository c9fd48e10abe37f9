/**
 * Bodies of chat requests that begin as an earlier one of their session did: only what is new is decoded and parsed.
 *
 * A client sends the whole conversation in each turn, and in bytes it begins as before: fields that come first, then the
 * messages. Of each body the router keeps how far its messages reach, a hash of the bytes up to there and the messages
 * themselves, which the ledger holds anyhow. Where a body begins with the same bytes, a mark takes their place in the array,
 * and what is left is read as any body is.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { joinBytes } from "../../engine/join_bytes.ts";
import type { JsonObject, JsonValue } from "../../types.ts";
import { scanMembers } from "../json_members.ts";

/** Reads a body whole. Throws for one that is no JSON object. */
export type ParseBody = (body: Uint8Array) => JsonObject;

/** A body that was read. */
export interface ReadBody {
  readonly fields: JsonObject;
  /** For {@link KnownBodies.note}. */
  readonly bytes: Uint8Array;
  readonly behind: Behind | null;
}

/** A body without the messages that are known. */
interface Behind {
  readonly known: KnownBody;
  /** With a mark in place of the known messages. */
  readonly short: Uint8Array;
  /** Of the bytes that are known. */
  readonly hash: Hash;
}

/** How a body began. */
interface KnownBody {
  /** Offset behind the bracket that opens the messages. */
  readonly start: number;
  /** Offset behind the last message. */
  readonly end: number;
  /** Of the bytes before `end`. */
  readonly hash: string;
  readonly messages: readonly JsonValue[];
}

/** Shorter bodies are read faster than they are remembered. */
export const KNOWN_BODY_BYTES_MIN = 8_192;
/** Newest bodies of one session: sub-agents take turns. */
const BODIES_PER_OWNER_MAX = 4;
/** Bodies that one request is compared with. */
const BODIES_TRIED_MAX = 2;

const COMMA = 0x2c;
const CLOSING_BRACKET = 0x5d;
const encoder = new TextEncoder();
/** A mark at the beginning counts as a character: offsets are those of the bytes. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The newest bodies of each session, for as long as the session lives. */
export class KnownBodies {
  readonly #parse: ParseBody;
  readonly #markName: string;
  readonly #mark: Uint8Array;
  readonly #byOwner = new WeakMap<object, KnownBody[]>();

  /** @param markName no client can know it */
  constructor(parse: ParseBody, markName: string) {
    this.#parse = parse;
    this.#markName = markName;
    this.#mark = encoder.encode(`{${JSON.stringify(markName)}:0}`);
  }

  /**
   * What `parse` gives for the body; messages that are known are the very objects of before.
   *
   * @throws what `parse` throws for the whole body
   */
  read(bytes: Uint8Array, owner: object | undefined): ReadBody {
    const known = owner === undefined ? [] : this.#byOwner.get(owner) ?? [];
    const alike = known.filter(({ end }) => bytes[end] === COMMA).slice(-BODIES_TRIED_MAX);
    for (const body of alike.reverse()) {
      const read = this.#readBehind(bytes, body);
      if (read !== null) return read;
    }
    return { fields: this.#parse(bytes), bytes, behind: null };
  }

  /** Remembers a body. `messages` are its own, or equal ones. */
  note(owner: object, { bytes, behind }: ReadBody, messages: readonly JsonValue[]): void {
    if (bytes.length < KNOWN_BODY_BYTES_MIN) return;
    const bodies = this.#byOwner.get(owner) ?? [];
    const outline = messagesIn(behind?.short ?? bytes);
    if (outline === null) return;
    const { start } = behind?.known ?? outline;
    const end = outline.end + bytes.length - (behind?.short ?? bytes).length;
    const running = behind?.hash ?? createHash("sha256");
    const hash = running.update(bytes.subarray(behind?.known.end ?? 0, end)).digest("base64url");
    const kept = bodies.filter((body) => body !== behind?.known).slice(1 - BODIES_PER_OWNER_MAX);
    this.#byOwner.set(owner, [...kept, { start, end, hash, messages }]);
  }

  #readBehind(bytes: Uint8Array, known: KnownBody): ReadBody | null {
    const hash = createHash("sha256").update(bytes.subarray(0, known.end));
    if (hash.copy().digest("base64url") !== known.hash) return null;
    const short = joinBytes([bytes.subarray(0, known.start), this.#mark, bytes.subarray(known.end)]);
    try {
      const fields = this.#parse(short);
      const { messages } = fields;
      // A field of the same name further on counts in place of this one.
      if (!Array.isArray(messages) || !this.#isMark(messages[0])) return null;
      fields.messages = [...known.messages, ...messages.slice(1)];
      return { fields, bytes, behind: { known, short, hash } };
    } catch {
      return null; // what is wrong is told of the whole body
    }
  }

  #isMark(value: JsonValue | undefined): boolean {
    return typeof value === "object" && value !== null && Object.hasOwn(value, this.#markName);
  }
}

/** Offsets behind the bracket that opens the messages, and behind the last of them; null: there are none. */
function messagesIn(bytes: Uint8Array): { start: number; end: number } | null {
  const json = decoder.decode(bytes);
  const member = scanMembers(json).findLast(({ key }) => key === "messages");
  if (member === undefined || json[member.valueStart] !== "[") return null;
  const isPlain = json.length === bytes.length;
  const offsetOf = (unit: number) => isPlain ? unit : encoder.encode(json.slice(0, unit)).length;
  const start = offsetOf(member.valueStart + 1);
  let end = offsetOf(member.end);
  if (bytes[--end] !== CLOSING_BRACKET) return null;
  while (end > start && bytes[end - 1]! <= 0x20) end--;
  return end === start ? null : { start, end };
}
