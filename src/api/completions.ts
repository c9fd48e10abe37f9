/**
 * `/v1/completions`: OpenAI's text completions, through the token cache.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import { BadRequestError } from "../errors.ts";
import { chunkBody } from "../proxy/chat/chat_stream.ts";
import {
  Completion,
  type CompletionDelta,
  type CompletionDeps,
  type CompletionEnd,
  type PromptRun,
} from "../proxy/completion/completion.ts";
import { CompletionWriter } from "../proxy/completion/completion_reply.ts";
import { readCompletionRequest } from "../proxy/completion/completion_request.ts";
import { completionStream } from "../proxy/completion/completion_stream.ts";
import { watchEnd } from "../proxy/forward.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import { parseJson } from "../tokenizer/parse_json.ts";
import { jsonHeaders, STREAM_HEADERS } from "./chat_completions.ts";
import { readJsonObject } from "./json_body.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";
import { openAiErrorOf } from "./openai_errors.ts";

/** Where OpenAI's completions are served, and refused. */
export const COMPLETION_PATHS = ["/v1/completions", "/sessions/:id/v1/completions"] as const;

/** Routes `/v1/completions`; below `/sessions/{id}` an error says what to do instead. */
export function completionsApi(deps: CompletionDeps): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  const [path, sessionPath] = COMPLETION_PATHS;
  app.post(path, completions(deps));
  app.post(sessionPath, refuseSession);
  app.all(path, methodNotAllowed("POST"));
  app.all(sessionPath, methodNotAllowed("POST"));
  return app;
}

/** A session's rows are made of messages: a text would be in none of them, and be missed in training. */
function refuseSession(c: Context<RouterEnv>): never {
  const id = c.req.param("id");
  throw new BadRequestError(
    `Cannot complete text in session ${JSON.stringify(id)}: sessions are made of chats. POST to ` +
      "/sessions/{id}/v1/chat/completions, or to /v1/completions with the header X-Session-ID, which keeps the tokens " +
      "of its texts for /retrieve_from_text",
    { code: "session_is_chat" },
  );
}

function completions(deps: CompletionDeps) {
  return async function completions(c: Context<RouterEnv>): Promise<Response> {
    const exchange = c.get("exchange");
    const request = readCompletionRequest(await readJsonObject(c, deps.maxBodyBytes, parseJson));
    watchEnd(deps, exchange);
    const headers = jsonHeaders(c.req.raw.headers, exchange);
    const completion = await Completion.prepare({ request, headers, exchange }, deps);
    const { tokenizer } = deps.cache;
    if (!request.stream) return c.json(await whole(completion, new CompletionWriter(completion, tokenizer)));
    const chunks = completionStream(completion, tokenizer, openAiErrorOf);
    // A refusal of the engine's becomes a status: nothing goes out before the first chunk is there.
    const first = await chunks.next();
    if (first.done) throw new Error("Cannot stream: there is no chunk");
    const body = chunkBody(first.value, chunks, exchange, () => {});
    exchange.streamReply(body);
    return c.body(body, 200, STREAM_HEADERS);
  };
}

async function whole({ runs }: Completion, writer: CompletionWriter): Promise<object> {
  // All come to their end before one's failure is told: the exchange ends with the reply.
  const settled = await Promise.allSettled(runs.map(sampled));
  const done = settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
  return writer.whole(done.flatMap(({ told }) => told), done.flatMap(({ ends }) => ends));
}

async function sampled(run: PromptRun): Promise<{ told: CompletionDelta[]; ends: CompletionEnd[] }> {
  const told = await Array.fromAsync(run.deltas());
  return { told: told.flat(), ends: await run.finish() };
}
