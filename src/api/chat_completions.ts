/**
 * `/v1/chat/completions`: OpenAI's chat, token by token.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import { chatCompletion, usageOf } from "../proxy/chat/chat_reply.ts";
import { replayed, replayedFrames } from "../proxy/chat/chat_replay.ts";
import { readChatRequest } from "../proxy/chat/chat_request.ts";
import { ChatRequestError } from "../proxy/chat/chat_error.ts";
import { chatStream, chunkBody } from "../proxy/chat/chat_stream.ts";
import { type ChatCall, type ChatDeps, ChatTurn } from "../proxy/chat/chat_turn.ts";
import { findSession, sessionNameOf } from "../proxy/chat/find_session.ts";
import { KnownBodies } from "../proxy/chat/known_bodies.ts";
import { assertTemplateKeeps } from "../proxy/chat/strict_template.ts";
import { watchEnd } from "../proxy/forward.ts";
import type { Exchange } from "../proxy/exchange.ts";
import { type HeaderPairs, workerRequestHeaders } from "../proxy/headers.ts";
import { readRequestBody } from "../proxy/read_body.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import { parseJson } from "../tokenizer/parse_json.ts";
import type { Turn } from "../trajectory/turn.ts";
import { jsonObjectOf } from "./json_body.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";
import { openAiErrorOf } from "./openai_errors.ts";

/** Headers of a reply that streams. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  // Proxies in between must not gather what streams.
  "x-accel-buffering": "no",
} as const;

/** Where OpenAI's chat is served. */
export const CHAT_PATHS = ["/v1/chat/completions", "/sessions/:id/v1/chat/completions"] as const;

/** Routes `/v1/chat/completions`, and the same below `/sessions/{id}`. */
export function chatApi(deps: ChatDeps): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  const complete = chatCompletions(deps);
  for (const path of CHAT_PATHS) {
    app.post(path, complete);
    app.all(path, methodNotAllowed("POST"));
  }
  return app;
}

function chatCompletions(deps: ChatDeps) {
  const bodies = new KnownBodies((body) => jsonObjectOf(body, parseJson), deps.newId());
  return async function chatCompletions(c: Context<RouterEnv>): Promise<Response> {
    const call = await readCall(c, deps, bodies);
    watchEnd(deps, call.exchange);
    c.header("x-session-id", headerValue(call.session.id));
    const turn = await ChatTurn.plan(call, deps);
    const { answered } = turn.plan;
    if (answered !== null) return replay(c, turn, answered, deps);
    return turn.request.stream ? await stream(c, turn) : await whole(c, turn);
  };
}

async function readCall(c: Context<RouterEnv>, deps: ChatDeps, bodies: KnownBodies): Promise<ChatCall> {
  const exchange = c.get("exchange");
  const { headers } = c.req.raw;
  const names = {
    path: c.req.param("id") ?? null,
    header: exchange.routingKey,
    authorization: headers.get("authorization"),
  };
  const body = await readRequestBody(c.req.raw, deps.maxBodyBytes, exchange);
  const early = sessionNameOf({ ...names, metadata: null });
  const read = bodies.read(body, early === null ? undefined : deps.store.get(early));
  const request = readChatRequest(read.fields);
  deps.formats.assertConstrainable(request.toolChoice, request.extra);
  deps.unseenTools.check(request);
  assertTemplateKeeps(request, deps.toolProblem);
  const name = sessionNameOf({ ...names, metadata: request.sessionId });
  const idempotencyKey = headers.get("idempotency-key");
  if (idempotencyKey !== null && (request.sampling.n ?? 1) > 1) {
    throw new ChatRequestError("n", "n must be 1 with an Idempotency-Key, which stands for one turn");
  }
  const chain = deps.store.chainOf(name, request.messages);
  const { session, isAmbiguous } = findSession(deps.store, name, chain, request.metadata);
  if (early !== null) bodies.note(session, read, chain.messages);
  return {
    request,
    session,
    chain,
    isSessionAmbiguous: isAmbiguous,
    idempotencyKey,
    headers: jsonHeaders(headers, exchange),
    exchange,
  };
}

/** A name as headers can hold it: percent-encoded where it has more than visible ASCII. */
function headerValue(name: string): string {
  return /^[!-~]+(?: +[!-~]+)*$/.test(name) ? name : encodeURIComponent(name.toWellFormed());
}

/** The client's headers for a worker, with a body that is the router's own. */
export function jsonHeaders(client: Headers, exchange: Exchange): HeaderPairs {
  const kept = workerRequestHeaders(client, exchange).filter(([name]) => name !== "content-type");
  return [...kept, ["content-type", "application/json"]];
}

async function whole(c: Context<RouterEnv>, turn: ChatTurn): Promise<Response> {
  const told = await Array.fromAsync(
    turn.sampling.deltas(),
    (deltas) => deltas.map((delta) => turn.choices[delta.index]!.push(delta)),
  );
  const committed = await turn.commit();
  c.get("exchange").onEnd((_, end) => {
    if (end === "done") turn.delivered();
  });
  const deltas = told.flat();
  return c.json(chatCompletion({
    stamp: turn.stamp,
    choices: committed.map(({ choice: { index }, end, message, output }) => ({
      index,
      message,
      finishReason: end.finishReason,
      tokenIds: output.tokenIds,
      logprobs: turn.request.logprobs
        ? deltas.flatMap((delta) => delta.index === index ? delta.logprobs ?? [] : [])
        : null,
    })),
    usage: usageOf(turn.plan.fullIds.length, turn.sampling.outputs),
    note: turn.note(),
    promptIds: turn.promptIdsToTell,
  }));
}

async function stream(c: Context<RouterEnv>, turn: ChatTurn): Promise<Response> {
  const exchange = c.get("exchange");
  const chunks = chatStream(turn, openAiErrorOf);
  // A refusal of the engine's becomes a status: nothing goes out before the first chunk is there.
  const first = await chunks.next();
  if (first.done) throw new Error("Cannot stream: there is no chunk");
  const body = chunkBody(first.value, chunks, exchange, () => turn.delivered());
  exchange.streamReply(body);
  return c.body(body, 200, STREAM_HEADERS);
}

function replay(c: Context<RouterEnv>, turn: ChatTurn, answered: Turn, { parts }: ChatDeps): Response {
  turn.adopt(answered);
  c.get("exchange").onEnd((_, end) => {
    if (end === "done") turn.delivered();
  });
  if (!turn.request.stream) return c.json(chatCompletion(replayed(turn, answered, parts.tokenizer)));
  return c.body(ReadableStream.from(replayedFrames(turn, answered, parts.tokenizer)), 200, STREAM_HEADERS);
}
