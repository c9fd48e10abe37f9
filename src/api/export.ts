/**
 * `/export`: sessions as a file for a trainer.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import { BadRequestError } from "../errors.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import {
  EXPORT_SHAPES,
  exportRecords,
  type ExportShape,
  jsonLines,
  type NativeRecord,
  safetensorsChunks,
} from "../trajectory/export/mod.ts";
import type { Session } from "../trajectory/session.ts";
import type { SessionStore } from "../trajectory/session_store.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";

const FORMATS = ["jsonl", "safetensors"] as const;
/** Rows written before others get their turn. */
const ROWS_A_SLICE = 8;

/** Route `/export`. */
export function exportApi(store: SessionStore): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  app.get("/export", function exportSessions(c) {
    const format = oneOf(c, "format", FORMATS, "jsonl");
    const shape = oneOf(c, "shape", EXPORT_SHAPES, "native");
    const records = recordsOf(sessionsOf(c, store));
    if (format === "jsonl") {
      return c.body(streamOf(lineBytes(records, shape)), 200, { "content-type": "application/jsonl" });
    }
    return c.body(streamOf(safetensorsChunks(records, shape)), 200, {
      "content-type": "application/octet-stream",
      "content-disposition": 'attachment; filename="export.safetensors"',
    });
  });
  app.all("/export", methodNotAllowed("GET"));
  return app;
}

/** @throws {BadRequestError} */
function oneOf<Name extends string>(
  c: Context<RouterEnv>,
  parameter: string,
  names: readonly Name[],
  usual: Name,
): Name {
  const given = c.req.query(parameter) ?? usual;
  const name = names.find((each) => each === given);
  if (name !== undefined) return name;
  throw new BadRequestError(
    `Cannot export: ${parameter} must be one of ${names.join(", ")}, received "${given.slice(0, 80)}"`,
  );
}

/** The sessions named, or all. */
function sessionsOf(c: Context<RouterEnv>, store: SessionStore): Session[] {
  const ids = c.req.queries("session") ?? [];
  if (ids.length === 0) return store.list();
  return ids.map((id) => store.find(id));
}

function* recordsOf(sessions: readonly Session[]): Generator<NativeRecord> {
  for (const session of sessions) yield* exportRecords(session);
}

function* lineBytes(records: Iterable<NativeRecord>, shape: ExportShape): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const line of jsonLines(records, shape)) yield encoder.encode(line);
}

/** Chunks are made as the client reads, and others are served in between. */
function streamOf(chunks: Iterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const iterator = chunks[Symbol.iterator]();
  let count = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      if (++count % ROWS_A_SLICE === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    cancel() {
      iterator.return?.();
    },
  }, { highWaterMark: 0 });
}
