/**
 * `/openapi.json`: the router's own endpoints, described by hand.
 *
 * Whatever is not in the document is proxied to a worker as it is.
 *
 * @module
 */
import { Hono } from "hono";
import type { RouterEnv } from "../proxy/router_env.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";
import { CHAT_OPERATIONS } from "./openapi_chat.ts";
import {
  body,
  errors,
  json,
  type Operation,
  query,
  reply,
  SESSION_HEADER,
  streamable,
  TOO_LARGE,
} from "./openapi_parts.ts";
import { ref, SCHEMAS } from "./openapi_schemas.ts";

const workerId = { name: "id", in: "path", required: true, schema: { type: "string" } } as const;

/** Probes need no key. */
const OPEN = { security: [{}] } as const;
const NO_TOKENIZER = "The router has no tokenizer";
const BAD_BODY = "The body is no JSON object in UTF-8, or a field does not fit";
const URL_QUERY = [query("url", { type: "string" }), query("worker_url", { type: "string" })] as const;
const ROLE_QUERY = [
  query("worker_type", { type: "string", enum: ["regular", "prefill", "decode"] }),
  query("bootstrap_port", { type: "integer", minimum: 1, maximum: 65_535 }),
] as const;

const generate = (operationId: string): Operation => ({
  operationId,
  summary: "SGLang's native generation, served through the token cache; the reply passes unchanged",
  tags: ["generation"],
  parameters: [SESSION_HEADER],
  requestBody: body(ref("GenerateInput")),
  responses: {
    ...streamable("The worker's reply, byte for byte"),
    ...errors({
      400: BAD_BODY,
      413: TOO_LARGE,
      502: "No worker could be reached",
      503: "No worker is available",
      504: "The time is up",
    }),
  },
});

/** Paths and their methods. */
export const PATHS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/generate": { post: generate("generate"), put: generate("generatePut") },
  "/retrieve_from_text": {
    post: {
      operationId: "retrieveFromText",
      summary: "The tokens behind a text: cached as far as they may be used, the rest encoded",
      tags: ["tokens"],
      requestBody: body(ref("RetrieveInput")),
      responses: {
        ...reply(200, "Four columns, one value a token", ref("Tokens")),
        ...errors({ 400: BAD_BODY, 413: TOO_LARGE, 503: NO_TOKENIZER }),
      },
    },
  },
  "/retrieve_from_messages_template": {
    post: {
      operationId: "retrieveFromMessages",
      summary: "As above, for the text that the chat template makes of messages",
      tags: ["tokens"],
      requestBody: body(ref("MessagesInput")),
      responses: {
        ...reply(200, "Four columns, one value a token", ref("Tokens")),
        ...errors({
          400: `${BAD_BODY}; or the template refused the messages`,
          413: TOO_LARGE,
          503: `${NO_TOKENIZER}, or no chat template`,
        }),
      },
    },
  },
  "/gc": {
    post: {
      operationId: "collectGarbage",
      summary: "Lets cached paths go that no recent weight version passed through",
      tags: ["tokens"],
      requestBody: body(ref("GcInput")),
      responses: {
        ...reply(200, "What was removed", ref("Collected")),
        ...errors({ 400: BAD_BODY, 413: TOO_LARGE, 503: NO_TOKENIZER }),
      },
    },
  },
  "/snapshot": {
    post: {
      operationId: "saveSnapshot",
      summary: "Saves the token cache to the file that --snapshot names",
      tags: ["tokens"],
      responses: {
        ...reply(200, "What was written", ref("Snapshot")),
        ...errors({
          409: "The router has no file for snapshots",
          500: "The file could not be written; the one before is still there",
          503: NO_TOKENIZER,
        }),
      },
    },
  },
  "/abort_request": {
    post: {
      operationId: "abortRequest",
      summary: "Aborts generations: asks the worker that has them, or all",
      tags: ["generation"],
      requestBody: body(ref("AbortInput")),
      responses: {
        ...reply(200, "At least one worker took it", ref("Aborted")),
        ...errors({ 400: `${BAD_BODY}; or rid is empty`, 413: TOO_LARGE, 503: "No worker is registered" }),
        ...reply(502, "No worker took it", ref("Aborted")),
      },
    },
  },
  "/add_worker": {
    post: {
      operationId: "addWorker",
      summary: "Registers a worker; a known one stays, and a dead one gets a fresh start",
      tags: ["workers"],
      parameters: [...URL_QUERY, ...ROLE_QUERY],
      requestBody: body(ref("WorkerInput"), false),
      responses: {
        ...reply(200, "Registered", ref("WorkerAdded")),
        ...errors({ 400: `${BAD_BODY}; or the url is missing or malformed`, 413: TOO_LARGE }),
      },
    },
  },
  "/remove_worker": {
    post: {
      operationId: "removeWorker",
      summary: "Takes a worker out at once; its requests in flight finish",
      tags: ["workers"],
      parameters: URL_QUERY,
      requestBody: body(ref("WorkerUrl"), false),
      responses: {
        ...reply(200, "Removed", ref("WorkerRemoved")),
        ...errors({
          400: `${BAD_BODY}; or the url is missing`,
          404: "The url is not registered",
          413: TOO_LARGE,
        }),
      },
    },
  },
  "/list_workers": {
    get: {
      operationId: "listWorkers",
      summary: "URLs of the workers",
      tags: ["workers"],
      responses: reply(200, "The URLs", ref("WorkerUrls")),
    },
  },
  "/workers": {
    get: {
      operationId: "describeWorkers",
      summary: "Everything about the workers",
      tags: ["workers"],
      responses: reply(200, "The workers", ref("Workers")),
    },
    post: {
      operationId: "postWorker",
      summary: "As /add_worker, answering with the worker",
      tags: ["workers"],
      parameters: [...URL_QUERY, ...ROLE_QUERY],
      requestBody: body(ref("WorkerInput"), false),
      responses: {
        ...reply(200, "Known already", ref("Worker")),
        ...reply(201, "Registered", ref("Worker")),
        ...errors({ 400: `${BAD_BODY}; or the url is missing or malformed`, 413: TOO_LARGE }),
      },
    },
  },
  "/workers/{id}": {
    get: {
      operationId: "getWorker",
      summary: "One worker",
      tags: ["workers"],
      parameters: [workerId],
      responses: { ...reply(200, "The worker", ref("Worker")), ...errors({ 404: "No worker has this id" }) },
    },
    delete: {
      operationId: "deleteWorker",
      summary: "As /remove_worker, by id",
      tags: ["workers"],
      parameters: [workerId],
      responses: {
        ...reply(200, "Removed", ref("WorkerRemoved")),
        ...errors({ 404: "No worker has this id" }),
      },
    },
  },
  "/health": {
    get: {
      operationId: "health",
      summary: "Whether the router itself is alive, with or without workers",
      tags: ["observability"],
      responses: reply(200, "Alive", ref("Health")),
      ...OPEN,
    },
  },
  "/readiness": {
    get: {
      operationId: "readiness",
      summary: "Whether the router can serve",
      tags: ["observability"],
      responses: {
        ...reply(200, "A worker is healthy", ref("Readiness")),
        ...reply(503, "None is", ref("Readiness")),
      },
      ...OPEN,
    },
  },
  "/metrics": {
    get: {
      operationId: "metrics",
      summary: "Load and cache as JSON; Prometheus text when Accept names text/plain or openmetrics",
      tags: ["observability"],
      responses: {
        200: {
          description: "The figures",
          content: { ...json(ref("Metrics")), "text/plain": { schema: { type: "string" } } },
        },
      },
    },
  },
  ...CHAT_OPERATIONS,
  "/openapi.json": {
    get: {
      operationId: "openapi",
      summary: "This document",
      tags: ["observability"],
      responses: reply(200, "OpenAPI 3.1", { type: "object" }),
    },
  },
};

/** The whole document. */
export const OPENAPI_DOCUMENT = {
  openapi: "3.1.0",
  info: {
    title: "slime-router",
    version: "0.1.0",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    description:
      "The router's own endpoints. Every other path is proxied to one worker: same method, path, " +
      "query and body, e.g. /get_model_info. Errors of the router are JSON objects with one member, error.",
  },
  paths: PATHS,
  security: [{}, { apiKey: [] }],
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      apiKey: { type: "http", scheme: "bearer", description: "Asked for when the router has an --api-key" },
    },
  },
} as const;

/** Route `/openapi.json`. */
export function openapiApi(): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  app.get("/openapi.json", (c) => c.json(OPENAPI_DOCUMENT));
  app.all("/openapi.json", methodNotAllowed("GET"));
  return app;
}
