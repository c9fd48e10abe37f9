/**
 * A `/generate` request, parsed once. There is exactly one such object a request: the radix cache fills in the ids, and
 * the bytes that leave for the worker are made from it. What was POSTed is what is recorded.
 *
 * @module
 */
import { nestsDeeper } from "../engine/read_json.ts";
import { BadRequestError } from "../errors.ts";
import { JsonNumber } from "../tokenizer/json_number.ts";
import type { JsonObject, JsonValue } from "../types.ts";
import { type JsonMember, scanMembers, withoutMembers } from "./json_members.ts";

/** How the prompt is given, and so how the cache serves it. */
export type PromptForm =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "ids"; readonly ids: Uint32Array }
  /** Batches, images, embeddings: forwarded as they are. */
  | { readonly kind: "opaque" };

/** Fields that make a prompt more than its text or ids. */
const OPAQUE_FIELDS = ["input_embeds", "image_data", "video_data", "audio_data"] as const;

/** Members that the router writes itself when it sends ids of its own. */
const PROMPT_MEMBERS: ReadonlySet<string> = new Set(["text", "input_ids", "return_logprob"]);
/** Members that the router writes itself when the client gave the ids. */
const LOGPROB_MEMBERS: ReadonlySet<string> = new Set(["return_logprob"]);

/** Deepest nesting of a request body; templates and serialisers walk values recursively. */
export const JSON_DEPTH_MAX = 256;
/** Longest request id accepted. */
export const RID_LENGTH_MAX = 1024;

/** Bodies from this length on are worth a turn of the event loop between one step and the next. */
export const SLICED_BODY_BYTES_MIN = 256 * 1024;

const COMMA = 0x2c;
const CLOSING_BRACKET = 0x5d;
const CLOSING_BRACE = 0x7d;
const encoder = new TextEncoder();
/** Made once: making one costs more than decoding a short body. */
const decoder = new TextDecoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true });
/** Stands for what is no UTF-8. */
const REPLACEMENT = "\ufffd";

/** One parsed `/generate` request. */
export class GenerateRequest {
  readonly prompt: PromptForm;
  readonly stream: boolean;
  /** The client's request id, or null. */
  readonly rid: string | null;
  /** `sampling_params.n`, default 1. */
  readonly sampleCount: number;
  readonly #json: string;
  readonly #body: Uint8Array<ArrayBuffer>;
  readonly #members: readonly JsonMember[];

  private constructor(body: Uint8Array<ArrayBuffer>, json: string, fields: JsonObject) {
    this.#body = body;
    this.#json = json;
    this.prompt = readPrompt(fields);
    this.#members = this.prompt.kind === "opaque" ? [] : scanMembers(json);
    this.stream = readBoolean(fields, "stream");
    this.rid = readRid(fields.rid);
    this.sampleCount = readSampleCount(fields.sampling_params);
  }

  /**
   * @param body JSON bytes
   * @throws BadRequestError when they are no JSON object in UTF-8, or a field has the wrong type
   */
  static parse(body: Uint8Array<ArrayBuffer>): GenerateRequest {
    const json = decodeUtf8(body);
    return new GenerateRequest(body, json, parseObject(json, body));
  }

  /**
   * As `parse`, in several tasks when the body is long: decoding 1 MB, parsing it and looking where its members stand take
   * some milliseconds each.
   *
   * @param yieldToOthers lets other tasks run
   */
  static parseSliced(
    body: Uint8Array<ArrayBuffer>,
    yieldToOthers: () => Promise<void>,
  ): GenerateRequest | Promise<GenerateRequest> {
    if (body.length < SLICED_BODY_BYTES_MIN) return GenerateRequest.parse(body);
    return GenerateRequest.#parseInSlices(body, yieldToOthers);
  }

  static async #parseInSlices(
    body: Uint8Array<ArrayBuffer>,
    yieldToOthers: () => Promise<void>,
  ): Promise<GenerateRequest> {
    const json = decodeUtf8(body);
    await yieldToOthers();
    const fields = parseObject(json, body);
    await yieldToOthers();
    const request = new GenerateRequest(body, json, fields);
    await yieldToOthers();
    return request;
  }

  /** The client's own bytes. */
  get body(): Uint8Array<ArrayBuffer> {
    return this.#body;
  }

  /** The client's request, ids as given, asking for logprobs. */
  withLogprobs(): Uint8Array<ArrayBuffer> {
    const { head, isEmpty } = withoutMembers(this.#json, this.#members, LOGPROB_MEMBERS);
    return encoder.encode(`${head}${isEmpty ? "" : ","}"return_logprob":true}`);
  }

  /**
   * The client's request with its prompt replaced by ids, asking for logprobs.
   *
   * @param idDigits the ids as JSON digits, in parts that follow one another, e.g. `1,2,3` and `4`
   */
  withIds(idDigits: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const { head, isEmpty } = withoutMembers(this.#json, this.#members, PROMPT_MEMBERS);
    const prefix = encoder.encode(`${head}${isEmpty ? "" : ","}"return_logprob":true,"input_ids":[`);
    const parts = idDigits.filter((part) => part.length > 0);
    const commas = Math.max(parts.length - 1, 0);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, prefix.length + commas + 2));
    bytes.set(prefix);
    let at = prefix.length;
    parts.forEach((part, i) => {
      if (i > 0) bytes[at++] = COMMA;
      bytes.set(part, at);
      at += part.length;
    });
    bytes[at] = CLOSING_BRACKET;
    bytes[at + 1] = CLOSING_BRACE;
    return bytes;
  }
}

/** Strict UTF-8. @throws BadRequestError */
export function decodeUtf8(body: Uint8Array): string {
  // A strict decoder takes several times as long; a body without U+FFFD has nothing that it would refuse.
  const text = decoder.decode(body);
  if (!text.includes(REPLACEMENT)) return text;
  try {
    return strictDecoder.decode(body);
  } catch (cause) {
    throw new BadRequestError("Cannot read request body: it is not valid UTF-8", { cause });
  }
}

/**
 * @param bytes `json` in UTF-8
 * @param parse reads JSON; throws a `SyntaxError` for what is none
 * @throws BadRequestError when `json` is no JSON object, or nests deeper than {@link JSON_DEPTH_MAX}
 */
export function parseObject(
  json: string,
  bytes: Uint8Array,
  parse: (json: string) => JsonValue = JSON.parse,
): JsonObject {
  if (nestsDeeper(json, JSON_DEPTH_MAX, bytes)) {
    throw new BadRequestError(`Cannot read request body: it is nested deeper than ${JSON_DEPTH_MAX} levels`);
  }
  let value: JsonValue;
  try {
    value = parse(json);
  } catch (cause) {
    throw new BadRequestError(
      `Cannot read request body: it is not valid JSON (${(cause as Error).message})`,
      {
        cause,
      },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || isExactNumber(value)) {
    throw new BadRequestError(
      `Cannot read request body: expected a JSON object, received ${describe(value)}`,
    );
  }
  return value;
}

/** A number as `parseJson` keeps it: an object to JavaScript only. */
function isExactNumber(value: unknown): value is JsonNumber {
  return value instanceof JsonNumber;
}

/** A few words on a value, for messages. */
export function describe(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isExactNumber(value)) return `number ${value}`;
  if (typeof value === "object") return "an object";
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return `${typeof value} ${text.length > 40 ? text.slice(0, 40) + "…" : text}`;
}

function readPrompt(fields: JsonObject): PromptForm {
  const { text, input_ids: ids } = fields;
  const hasText = text !== undefined && text !== null;
  const hasIds = ids !== undefined && ids !== null;
  if (hasText && hasIds) {
    throw new BadRequestError("Cannot generate: give one of text and input_ids, received both");
  }
  if (hasText) checkText(text);
  if (hasIds) checkIds(ids);
  const isOpaque = OPAQUE_FIELDS.some((name) => fields[name] !== undefined && fields[name] !== null);
  if (isOpaque) return { kind: "opaque" };
  if (typeof text === "string" && text !== "") return { kind: "text", text };
  if (Array.isArray(ids) && typeof ids[0] === "number") {
    return { kind: "ids", ids: new Uint32Array(ids as number[]) };
  }
  if (!hasText && !hasIds) {
    throw new BadRequestError("Cannot generate: one of text, input_ids and input_embeds is required");
  }
  return { kind: "opaque" };
}

function checkText(text: JsonValue): void {
  if (typeof text === "string") return assertWellFormed("text", text);
  if (Array.isArray(text) && text.every((item) => typeof item === "string")) {
    return text.forEach((item) => assertWellFormed("text", item));
  }
  throw new BadRequestError(
    `Cannot generate: text must be a string or a list of strings, received ${describe(text)}`,
  );
}

/** Half of a surrogate pair stands for no text: encoding would turn it into U+FFFD, which nobody wrote. */
function assertWellFormed(name: string, text: string): void {
  if (text.isWellFormed()) return;
  throw new BadRequestError(`Cannot generate: ${name} has an unpaired surrogate, which is no text`);
}

function checkIds(ids: JsonValue): void {
  if (!Array.isArray(ids)) {
    throw new BadRequestError(
      `Cannot generate: input_ids must be a list of token ids, received ${describe(ids)}`,
    );
  }
  const rows = Array.isArray(ids[0]) ? ids : [ids];
  for (const row of rows) {
    const bad = Array.isArray(row) ? row.find((id) => !isTokenId(id)) : row;
    if (bad !== undefined) {
      throw new BadRequestError(
        `Cannot generate: input_ids must hold integers from 0 to 4294967295, received ${describe(bad)}`,
      );
    }
  }
}

function isTokenId(value: JsonValue): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}

function readBoolean(fields: JsonObject, name: string): boolean {
  const value = fields[name];
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  throw new BadRequestError(`Cannot generate: ${name} must be true or false, received ${describe(value)}`);
}

function readRid(rid: JsonValue | undefined): string | null {
  if (rid === undefined || rid === null || Array.isArray(rid)) return null;
  if (typeof rid === "string" && rid !== "" && rid.length <= RID_LENGTH_MAX) {
    assertWellFormed("rid", rid);
    return rid;
  }
  throw new BadRequestError(
    `Cannot generate: rid must be a string of 1 to ${RID_LENGTH_MAX} characters, received ${describe(rid)}`,
  );
}

function readSampleCount(params: JsonValue | undefined): number {
  if (params === undefined || params === null || Array.isArray(params)) return 1;
  if (typeof params !== "object") {
    throw new BadRequestError(
      `Cannot generate: sampling_params must be an object, received ${describe(params)}`,
    );
  }
  const n = params.n;
  if (n === undefined || n === null) return 1;
  if (Number.isSafeInteger(n) && (n as number) >= 1) return n as number;
  throw new BadRequestError(
    `Cannot generate: sampling_params.n must be a positive integer, received ${describe(n)}`,
  );
}
