/**
 * `/sessions`: conversations as the ledger has them, and their rows for trainers.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { BadRequestError } from "../errors.ts";
import { SESSION_ID_LENGTH_MAX } from "../proxy/chat/find_session.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import { exportSession } from "../trajectory/export/mod.ts";
import type { Session } from "../trajectory/session.ts";
import { SessionFinishedError } from "../trajectory/session_errors.ts";
import type { SessionStore } from "../trajectory/session_store.ts";
import type { Turn } from "../trajectory/turn.ts";
import type { JsonObject } from "../types.ts";
import { assertWellFormed, readJsonObject, validate } from "./json_body.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";

const openSchema = v.object({
  session_id: v.nullish(v.pipe(v.string(), v.minLength(1), v.maxLength(SESSION_ID_LENGTH_MAX))),
  metadata: v.nullish(v.looseObject({})),
});

const samplesSchema = v.object({
  reward: v.nullish(v.union([v.pipe(v.number(), v.finite()), v.looseObject({})]), null),
  metadata: v.nullish(v.looseObject({})),
  max_tokens: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
});

/** Routes `/sessions` and what is below it, chat itself excepted. */
export function sessionsApi(store: SessionStore): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();

  app.post("/sessions", async function openSession(c) {
    const body = validate("open a session", openSchema, await readJsonObject(c));
    const id = body.session_id ?? undefined;
    if (id !== undefined) assertWellFormed("open a session", id);
    const known = id === undefined ? undefined : store.get(id);
    if (known?.isFinished) throw new SessionFinishedError(known.id);
    const session = store.open(id, (body.metadata ?? {}) as JsonObject);
    return c.json(summaryOf(session), known === undefined ? 201 : 200);
  });

  app.get("/sessions", (c) => c.json({ sessions: store.list().map(summaryOf), ...statsOf(store) }));

  app.get("/sessions/:id", (c) => c.json(describe(find(c, store))));

  app.delete("/sessions/:id", function removeSession(c) {
    const { id } = find(c, store);
    store.remove(id);
    return c.json({ status: "success", session_id: id });
  });

  app.post("/sessions/:id/finish", (c) => c.json(summaryOf(store.finish(find(c, store).id))));

  app.post("/sessions/:id/samples", async function samples(c) {
    const session = find(c, store);
    const body = validate("export samples", samplesSchema, await readJsonObject(c));
    return c.json(exportSession(session, {
      reward: body.reward as number | JsonObject | null,
      ...(body.metadata ? { metadata: body.metadata as JsonObject } : {}),
      ...(body.max_tokens ? { maxTokens: body.max_tokens } : {}),
    }));
  });

  app.all("/sessions", methodNotAllowed("GET", "POST"));
  app.all("/sessions/:id", methodNotAllowed("GET", "DELETE"));
  app.all("/sessions/:id/finish", methodNotAllowed("POST"));
  app.all("/sessions/:id/samples", methodNotAllowed("POST"));
  return app;
}

/** @throws {SessionNotFoundError} */
function find(c: Context<RouterEnv>, store: SessionStore): Session {
  const id = c.req.param("id");
  if (id === undefined || id === "") throw new BadRequestError("Cannot find session: the path names none");
  store.expire();
  return store.find(id);
}

function statsOf(store: SessionStore) {
  const { sessions, turns, sizeBytes, removed } = store.stats();
  return { count: sessions, turn_count: turns, size_bytes: sizeBytes, removed };
}

function summaryOf(session: Session) {
  const { id, isFinished, createdMs, turns, sizeBytes, underWay, metadata } = session;
  return {
    session_id: id,
    finished: isFinished,
    created_ms: createdMs,
    turn_count: turns.length,
    turns_under_way: underWay,
    size_bytes: sizeBytes,
    metadata,
  };
}

function describe(session: Session) {
  return { ...summaryOf(session), turns: session.turns.map(describeTurn) };
}

function describeTurn(turn: Turn) {
  return {
    turn_id: turn.id,
    index: turn.index,
    parent: turn.parent?.index ?? null,
    parent_turn_id: turn.parent?.id ?? null,
    cause: turn.cause,
    status: turn.status,
    reopens_parent: turn.reopensParent,
    dropped_tokens: turn.droppedIds,
    prompt_tokens: turn.promptIds.length,
    opening_tokens: turn.openingTokens,
    output_tokens: turn.outputIds.length,
    versions: turn.sampledRuns,
    posted_hash: turn.postedHash,
    delivered: turn.isDelivered,
    superseded: turn.isSuperseded,
    committed_ms: turn.committedMs,
    messages: turn.messages,
    reply: turn.reply,
  };
}
