/**
 * Bodies of requests for tokens: fields the router does not know are passed on where they do no harm, and ids are
 * written as digits without passing through an array of numbers.
 *
 * @module
 */
import { BadRequestError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../types.ts";
import type { EncodedRequest, SamplingSettings, TokenRequest } from "./adapter.ts";
import { idDigitsRoom, writeIdDigits } from "./id_digits.ts";
import { asObject, brief } from "./json_fields.ts";

/** Which names of `extra` go where. */
export interface ExtraFields {
  /** Written by the adapter at the top of the body: ignored in `extra`. */
  readonly own: ReadonlySet<string>;
  /** Would change the prompt or the shape of the reply: refused. */
  readonly refused: ReadonlySet<string>;
  /** Sampling parameters that the adapter does not write. Null: the engine takes them at the top of the body. */
  readonly sampling: ReadonlySet<string> | null;
  /** Sampling parameters that it writes: refused within `extra.sampling_params`. */
  readonly ownSampling: ReadonlySet<string>;
}

/** `extra`, sorted. */
export interface SortedExtra {
  readonly top: JsonObject;
  readonly sampling: JsonObject;
}

const encoder = new TextEncoder();

/**
 * Sorts the fields of `extra`.
 *
 * @throws {BadRequestError} for a field that is refused
 */
export function sortExtra(extra: JsonObject, fields: ExtraFields): SortedExtra {
  const top: JsonObject = {};
  const sampling: JsonObject = {};
  for (const [name, value] of Object.entries(extra)) {
    if (fields.refused.has(name)) throw refusal(name);
    if (name === "sampling_params") copySampling(value, fields, fields.sampling === null ? top : sampling);
    else if (fields.sampling?.has(name)) sampling[name] = value;
    else if (!fields.own.has(name)) top[name] = value;
  }
  return { top, sampling };
}

/**
 * The body: `head` and the ids, last.
 *
 * @throws {RangeError} for an empty prompt or rid
 */
export function encodeBody(
  path: string,
  { inputIds, rid }: TokenRequest,
  head: JsonObject,
  idsField: string,
): EncodedRequest {
  if (inputIds.length === 0) throw new RangeError("Cannot encode request: the prompt is empty");
  if (rid === "") {
    throw new RangeError("Cannot encode request: the rid is empty, every request would match it");
  }
  const before = encoder.encode(`${JSON.stringify(head).slice(0, -1)},${JSON.stringify(idsField)}:[`);
  const room = new Uint8Array(before.length + idDigitsRoom(inputIds) + CLOSE.length);
  room.set(before);
  const end = writeIdDigits(inputIds, room, before.length);
  room.set(CLOSE, end);
  const body = room.subarray(0, end + CLOSE.length);
  return { path, body };
}

const CLOSE = encoder.encode("]}");

/** Names that {@link commonSampling} writes. */
export const COMMON_SAMPLING: readonly string[] = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "n",
  "stop",
  "stop_token_ids",
  "ignore_eos",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "logit_bias",
];

/** The settings that both engines know by the same names. */
export function commonSampling(settings: SamplingSettings): JsonObject {
  return defined({
    temperature: settings.temperature,
    top_p: settings.topP,
    top_k: settings.topK,
    min_p: settings.minP,
    n: settings.n,
    stop: settings.stop?.slice(),
    stop_token_ids: settings.stopTokenIds?.slice(),
    ignore_eos: settings.ignoreEos,
    frequency_penalty: settings.frequencyPenalty,
    presence_penalty: settings.presencePenalty,
    repetition_penalty: settings.repetitionPenalty,
    logit_bias: settings.logitBias === undefined ? undefined : { ...settings.logitBias },
  });
}

/** `fields` without those that are undefined. */
export function defined(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) out[name] = value;
  return out;
}

function copySampling(value: JsonValue, { ownSampling, refused }: ExtraFields, into: JsonObject): void {
  const params = asObject(value);
  if (params === null) {
    throw new BadRequestError(
      `Cannot encode request: sampling_params must be an object, received ${brief(value)}`,
    );
  }
  for (const [name, param] of Object.entries(params)) {
    if (ownSampling.has(name) || refused.has(name)) throw refusal(`sampling_params.${name}`);
    into[name] = param;
  }
}

function refusal(name: string): BadRequestError {
  return new BadRequestError(
    `Cannot encode request: field "${name}" would change the prompt, the number of tokens or the shape of the reply`,
  );
}
