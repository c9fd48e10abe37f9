/**
 * Chat, sessions and export in `/openapi.json`. They are served when the router has a tokenizer with a chat template;
 * otherwise, or with `--chat proxy`, these paths are proxied like any other.
 *
 * @module
 */
import { EXPORT_SHAPES } from "../trajectory/export/mod.ts";
import {
  body,
  errors,
  json,
  type Operation,
  type Parameter,
  query,
  reply,
  SESSION_HEADER,
  streamable,
  TOO_LARGE,
} from "./openapi_parts.ts";
import { ref } from "./openapi_schemas.ts";

const sessionId: Parameter = {
  name: "id",
  in: "path",
  required: true,
  description: "Name of the session, as the client gave it",
  schema: { type: "string" },
};
const NO_SESSION = { 404: "No session has this id" } as const;

/** Errors in OpenAI's shape. */
function openAiErrors(descriptions: Readonly<Record<number, string>>): Operation["responses"] {
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [
      status,
      { description, content: json(ref("OpenAiError")) },
    ]),
  );
}

function chat(operationId: string, parameters: readonly Parameter[]): Operation {
  return {
    operationId,
    summary: "OpenAI's chat; the tokens that are sent and sampled are kept for the trainer",
    tags: ["chat"],
    parameters,
    requestBody: body(ref("ChatInput")),
    responses: {
      ...streamable("OpenAI's chat.completion, or its chunks; the member slime names session and turn"),
      ...openAiErrors({
        400: "A field does not fit, or the template refused the messages",
        409: "The session is finished",
        413: TOO_LARGE,
        429: "The session is full",
        502: "No worker could be reached, or its reply cannot be recorded",
        503: "No worker is available",
      }),
    },
  };
}

const COMPLETIONS: Operation = {
  operationId: "completions",
  summary: "OpenAI's text completions; prompts go through the token cache, as those of /generate",
  tags: ["chat"],
  parameters: [SESSION_HEADER],
  requestBody: body(ref("CompletionInput")),
  responses: {
    ...streamable("OpenAI's text_completion, or its chunks"),
    ...openAiErrors({
      400: "A field does not fit",
      413: TOO_LARGE,
      502: "No worker could be reached",
      503: "No worker is available",
    }),
  },
};

function models(operationId: string, parameters: readonly Parameter[]): Operation {
  return {
    operationId,
    summary: "The models that the workers serve, each once",
    tags: ["chat"],
    parameters,
    responses: reply(200, "A list in OpenAI's shape", { type: "object" }),
  };
}

function model(operationId: string, parameters: readonly Parameter[]): Operation {
  return {
    operationId,
    summary: "One of the models; its id may hold slashes",
    tags: ["chat"],
    parameters: [...parameters, { name: "model", in: "path", required: true, schema: { type: "string" } }],
    responses: {
      ...reply(200, "The model", { type: "object" }),
      ...openAiErrors({ 404: "No worker serves it" }),
    },
  };
}

/** Paths and their methods. */
export const CHAT_OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/v1/chat/completions": {
    post: chat("chatCompletions", [{
      name: "x-session-id",
      in: "header",
      required: false,
      description:
        "Names the session (also: x-smg-routing-key, metadata.session_id); without a name the messages tell",
      schema: { type: "string" },
    }]),
  },
  "/sessions/{id}/v1/chat/completions": { post: chat("sessionChatCompletions", [sessionId]) },
  "/v1/completions": { post: COMPLETIONS },
  "/sessions/{id}/v1/completions": {
    post: {
      operationId: "sessionCompletions",
      summary: "Refused: sessions are made of chats",
      tags: ["chat"],
      parameters: [sessionId],
      responses: openAiErrors({ 400: "What to do instead" }),
    },
  },
  "/v1/models": { get: models("models", []) },
  "/v1/models/{model}": { get: model("model", []) },
  "/sessions/{id}/v1/models": { get: models("sessionModels", [sessionId]) },
  "/sessions/{id}/v1/models/{model}": { get: model("sessionModel", [sessionId]) },
  "/sessions": {
    get: {
      operationId: "listSessions",
      summary: "Sessions, the least recently used first",
      tags: ["sessions"],
      responses: reply(200, "The sessions", ref("Sessions")),
    },
    post: {
      operationId: "openSession",
      summary: "Opens a session; a known one stays as it is",
      tags: ["sessions"],
      requestBody: body(ref("SessionInput"), false),
      responses: {
        ...reply(200, "Known already", ref("Session")),
        ...reply(201, "Opened", ref("Session")),
        ...errors({
          400: "A field does not fit",
          409: "The session is finished",
          413: "The body is too large",
        }),
      },
    },
  },
  "/sessions/{id}": {
    get: {
      operationId: "getSession",
      summary: "The session's forest of turns",
      tags: ["sessions"],
      parameters: [sessionId],
      responses: { ...reply(200, "The session", ref("SessionTurns")), ...errors(NO_SESSION) },
    },
    delete: {
      operationId: "deleteSession",
      summary: "Removes the session with all its turns",
      tags: ["sessions"],
      parameters: [sessionId],
      responses: { ...reply(200, "Removed", ref("SessionRemoved")), ...errors(NO_SESSION) },
    },
  },
  "/sessions/{id}/finish": {
    post: {
      operationId: "finishSession",
      summary: "Freezes the session: it takes no more turns",
      tags: ["sessions"],
      parameters: [sessionId],
      responses: { ...reply(200, "Finished", ref("Session")), ...errors(NO_SESSION) },
    },
  },
  "/sessions/{id}/samples": {
    post: {
      operationId: "sessionSamples",
      summary: "The session as rows for a trainer (docs/schemas/native-export.schema.json)",
      tags: ["sessions"],
      parameters: [sessionId],
      requestBody: body(ref("SamplesInput"), false),
      responses: {
        ...reply(200, "Rows and counts", { type: "object" }),
        ...errors({ ...NO_SESSION, 400: "A field does not fit", 413: "The body is too large" }),
      },
    },
  },
  "/export": {
    get: {
      operationId: "exportSessions",
      summary: "Sessions as a file",
      tags: ["sessions"],
      parameters: [
        query("format", { type: "string", enum: ["jsonl", "safetensors"], default: "jsonl" }),
        query("shape", { type: "string", enum: EXPORT_SHAPES, default: "native" }),
        query("session", { type: "string", description: "One session; may be given again. Default: all" }),
      ],
      responses: {
        200: {
          description: "One row a line, or safetensors",
          content: {
            "application/jsonl": { schema: { type: "string" } },
            "application/octet-stream": { schema: { type: "string" } },
          },
        },
        ...errors({ ...NO_SESSION, 400: "No such format or shape" }),
      },
    },
  },
};
