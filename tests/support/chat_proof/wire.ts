/**
 * What passed between the router and engines of either protocol, read independently of the router.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Fetch, JsonObject } from "../../../src/types.ts";
import { joined } from "../engine_ledger.ts";

/** Paths that generate, and where each has the ids of its prompt. */
const PROMPT_FIELDS: Readonly<Record<string, string>> = {
  "/generate": "input_ids",
  "/inference/v1/generate": "token_ids",
  "/v1/completions": "prompt",
};

/** One POST to an engine. */
export interface WirePost {
  /** `x-request-id`: the client's request that it serves. */
  readonly requestId: string;
  /** The engine's name of the request. */
  readonly rid: string;
  /** Ids as they were POSTed. */
  readonly promptIds: readonly number[];
  /** Every byte the engine sent. */
  readonly chunks: Uint8Array[];
}

/** What one sample of a reply says. */
export interface WireOutput {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** One a token; null where the protocol tells none. */
  readonly versions: readonly (number | string)[] | null;
  /** Type of the finish reason. */
  readonly finish: string | null;
}

/** A `fetch` that writes down each generation. */
export function recordPosts(fetch: Fetch, posts: WirePost[]): Fetch {
  return async function recordPosts(input, init) {
    const url = new URL(input instanceof Request ? input.url : input);
    const field = PROMPT_FIELDS[url.pathname];
    if (field === undefined) return await fetch(input, init);
    const body = JSON.parse(new TextDecoder().decode(init?.body as Uint8Array)) as JsonObject;
    const requestId = new Headers(init?.headers).get("x-request-id") ?? "";
    const rid = (body.rid ?? body.request_id) as string;
    const post: WirePost = { requestId, rid, promptIds: body[field] as number[], chunks: [] };
    posts.push(post);
    const response = await fetch(input, init);
    const spy = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        post.chunks.push(chunk);
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body?.pipeThrough(spy) ?? null, response);
  };
}

/**
 * Everything that was sampled for sample `index` of a request: its last POST, and what earlier ones gave of that POST's prompt.
 * Null when the last reply is no whole one.
 */
export function sampledFor(posts: readonly WirePost[], index: number): WireOutput | null {
  const [first] = posts;
  const last = posts.at(-1);
  if (first === undefined || last === undefined) return null;
  const output = outputOf(last, index);
  if (output === null) return null;
  const resumed = last.promptIds.slice(first.promptIds.length);
  assert.deepEqual(
    last.promptIds.slice(0, first.promptIds.length),
    first.promptIds,
    "a request has one prompt",
  );
  if (resumed.length === 0) return output;
  const before = posts.slice(0, -1).flatMap((_, i) => sampledFor(posts.slice(0, i + 1), index) ?? [])
    .findLast(({ ids }) => isEqual(ids, resumed));
  assert.ok(before !== undefined, `nobody sampled ${resumed}, which a request went on with`);
  const isVersioned = before.versions !== null && output.versions !== null;
  return {
    ids: [...before.ids, ...output.ids],
    logprobs: [...before.logprobs, ...output.logprobs],
    versions: isVersioned ? [...before.versions!, ...output.versions!] : null,
    finish: output.finish,
  };
}

function outputOf({ chunks }: WirePost, index: number): WireOutput | null {
  const text = new TextDecoder().decode(joined(chunks));
  const isStream = text.startsWith("data:");
  const frames = isStream ? framesOf(text) : repliesOf(text);
  if (frames === null || frames.length === 0 || frames.some((frame) => frame.error !== undefined)) {
    return null;
  }
  const parts = frames.flatMap((frame, at) => partsOf(frame, isStream ? 0 : at))
    .filter((part) => part.index === index);
  let [ids, logprobs]: [number[], number[]] = [[], []];
  for (const part of parts) {
    // Frames tell what is new, or everything so far.
    if (part.total === part.ids.length) [ids, logprobs] = [[...part.ids], [...part.logprobs]];
    else {
      ids.push(...part.ids);
      logprobs.push(...part.logprobs);
      assert.ok(part.total === null || part.total === ids.length, "the engine's own count");
    }
  }
  const versions = parts.at(-1)?.versions ?? null;
  return { ids, logprobs, versions, finish: parts.findLast(({ finish }) => finish !== null)?.finish ?? null };
}

/** What a frame, or a whole reply, tells of one sample. */
interface Part {
  readonly index: number;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** Tokens so far; null: not told, and the part tells what is new. */
  readonly total: number | null;
  readonly versions: readonly (number | string)[] | null;
  readonly finish: string | null;
}

function repliesOf(text: string): JsonObject[] | null {
  try {
    return [JSON.parse(text)].flat();
  } catch {
    return null;
  }
}

function framesOf(text: string): JsonObject[] | null {
  if (!text.endsWith("data: [DONE]\n\n")) return null;
  return text.split("\n\n").slice(0, -2).map((frame) => JSON.parse(frame.replace(/^data: /, "")));
}

function partsOf(frame: JsonObject, at: number): Part[] {
  if (frame.meta_info !== undefined) return [sglangPart(frame, at)];
  return ((frame.choices ?? []) as JsonObject[]).map((choice) => {
    const told = choice.logprobs as { content?: { logprob: number }[]; token_logprobs?: number[] } | null;
    return {
      index: choice.index as number,
      ids: choice.token_ids as number[],
      logprobs: told?.token_logprobs ?? told?.content?.map(({ logprob }) => logprob) ?? [],
      total: null,
      versions: null,
      finish: choice.finish_reason as string | null,
    };
  });
}

function sglangPart(frame: JsonObject, at: number): Part {
  const meta = frame.meta_info as JsonObject;
  const triples = (meta.output_token_logprobs ?? []) as [number, number, null][];
  const spans = meta.weight_versions as { version: string; start: number; end: number }[];
  return {
    index: (frame.index as number | undefined) ?? at,
    ids: triples.map(([, id]) => id),
    logprobs: triples.map(([logprob]) => logprob),
    total: meta.completion_tokens as number,
    versions: spans.flatMap(({ version, start, end }) =>
      new Array<number | string>(end - start).fill(/^\d+$/.test(version) ? Number(version) : version)
    ),
    finish: (meta.finish_reason as { type: string } | null)?.type ?? null,
  };
}

/** Whether two lists have the same items. */
export function isEqual(left: ArrayLike<unknown>, right: ArrayLike<unknown>): boolean {
  return left.length === right.length && Array.from(left).every((item, i) => item === right[i]);
}
