/**
 * What passed between router and engines, read independently of the router: the oracle of token exactness.
 *
 * @module
 */
import type { Fetch, JsonObject } from "../../src/types.ts";

/** One generation as the engine saw it. */
export interface LedgerEntry {
  /** Ids as they were POSTed. */
  readonly promptIds: number[];
  readonly engine: string;
  /** Every byte the engine sent, as it was cut. */
  readonly chunks: Uint8Array[];
}

/** One reply's output, read naively. */
export interface LedgerOutput {
  readonly id: string;
  readonly text: string;
  readonly ids: number[];
  readonly logprobs: number[];
  /** One a token. */
  readonly versions: (number | string)[];
  readonly finish: JsonObject | null;
}

/** A `fetch` that writes down what goes to `/generate` and what comes back. */
export function recordingFetch(fetch: Fetch, entries: LedgerEntry[]): Fetch {
  return async function recording(input, init) {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.pathname !== "/generate") return await fetch(input, init);
    const sent = JSON.parse(new TextDecoder().decode(init?.body as Uint8Array)) as { input_ids: number[] };
    const entry: LedgerEntry = { promptIds: sent.input_ids, engine: url.origin, chunks: [] };
    entries.push(entry);
    const response = await fetch(input, init);
    const spy = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        entry.chunks.push(chunk);
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body?.pipeThrough(spy) ?? null, response);
  };
}

/** One piece of chunks. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The output in the bytes of a reply; null when it is no whole, well-formed one. */
export function readOutput(reply: Uint8Array, isStream: boolean): LedgerOutput | null {
  const text = new TextDecoder().decode(reply);
  const frames = isStream ? readFrames(text) : readWhole(text);
  const last = frames?.at(-1);
  if (frames === null || last === undefined) return null;
  const tokens = (frame: JsonObject) => triplesOf(frame);
  const counted = metaOf(last).completion_tokens as number;
  const isDelta = frames.some((frame) => tokens(frame).length < (metaOf(frame).completion_tokens as number));
  const triples = isDelta ? frames.flatMap(tokens) : tokens(last);
  if (triples.length !== counted) throw new Error(`The ledger has ${triples.length} tokens of ${counted}`);
  return {
    id: metaOf(last).id as string,
    text: isDelta ? frames.map((frame) => frame.text).join("") : last.text as string,
    ids: triples.map(([, id]) => id),
    logprobs: triples.map(([logprob]) => logprob),
    versions: versionsOf(metaOf(last)),
    finish: metaOf(last).finish_reason as JsonObject | null,
  };
}

function readWhole(text: string): JsonObject[] | null {
  try {
    const value = JSON.parse(text) as JsonObject;
    return value.meta_info === undefined ? null : [value];
  } catch {
    return null;
  }
}

function readFrames(text: string): JsonObject[] | null {
  if (!text.endsWith("data: [DONE]\n\n")) return null;
  const frames = text.split("\n\n").slice(0, -2).map((frame) =>
    JSON.parse(frame.replace(/^data: /, "")) as JsonObject
  );
  return frames.some((frame) => frame.error !== undefined) ? null : frames;
}

function metaOf(frame: JsonObject): JsonObject {
  return frame.meta_info as JsonObject;
}

function triplesOf(frame: JsonObject): [number, number, null][] {
  return metaOf(frame).output_token_logprobs as [number, number, null][];
}

function versionsOf(meta: JsonObject): (number | string)[] {
  const spans = meta.weight_versions as { version: string; start: number; end: number }[];
  return spans.flatMap(({ version, start, end }) =>
    new Array<number | string>(end - start).fill(/^\d+$/.test(version) ? Number(version) : version)
  );
}
