/**
 * vLLM's endpoints over the same engine.
 *
 * @module
 */
import { BadRequestError } from "../../errors.ts";
import type { JsonObject } from "../../types.ts";
import { CONTROL_ROUTES } from "./control_endpoints.ts";
import type { EngineCore } from "./core.ts";
import type { DrawnFaults } from "./faults.ts";
import { answer, type ReplyFormat, requestContext } from "./generate_endpoint.ts";
import { brief } from "../json_fields.ts";
import { type GenerateRequest, readGenerateRequest } from "./generate_request.ts";
import { type Call, jsonResponse } from "./http.ts";
import type { ChatRenderer } from "./options.ts";
import type { PauseMode } from "./scheduler.ts";
import { chatFormat, readChat } from "./vllm_chat.ts";
import { completionFormat, generateFormat, type VllmStamp } from "./vllm_reply.ts";
import { readCompletion, readGenerate, type VllmRequest } from "./vllm_request.ts";

/** The engine as its endpoints see it. */
export interface VllmHost {
  readonly core: EngineCore;
  readonly chatTemplate: ChatRenderer | null;
}

type Generate = (host: VllmHost, call: Call, faults: DrawnFaults) => Promise<Response>;
type Control = (host: VllmHost, call: Call) => Response | Promise<Response>;

/** Endpoints that generate, which faults strike, by method and path. */
export const VLLM_GENERATE_ROUTES: ReadonlyMap<string, Generate> = new Map<string, Generate>([
  ["POST /inference/v1/generate", generateTokens],
  ["POST /v1/completions", complete],
  ["POST /v1/chat/completions", completeChat],
]);

/** The others. */
export const VLLM_CONTROL_ROUTES: ReadonlyMap<string, Control> = new Map<string, Control>([
  ["GET /health", () => new Response(null, { status: 200 })],
  ["GET /ping", () => new Response(null, { status: 200 })],
  ["GET /v1/models", ({ core }) => CONTROL_ROUTES.get("GET /v1/models")!(core, {})],
  ["POST /tokenize", tokenize],
  ["POST /detokenize", detokenize],
  ["POST /pause", pause],
  ["POST /resume", resume],
  ["GET /is_paused", ({ core }) => jsonResponse({ is_paused: core.scheduler.paused })],
  ["POST /reset_prefix_cache", resetPrefixCache],
]);

/** vLLM's names of pausing. `wait` would answer only when the last request has ended. */
const PAUSE_MODES: Readonly<Record<string, PauseMode>> = { abort: "abort", keep: "in_place" };

function generateTokens(host: VllmHost, call: Call, faults: DrawnFaults): Promise<Response> {
  const request = readGenerate(call.json(), host.core.options.contextLength);
  return run(
    host,
    call,
    faults,
    request,
    "generate-tokens",
    ({ stamp }) => generateFormat(stamp, request.reply),
  );
}

function complete(host: VllmHost, call: Call, faults: DrawnFaults): Promise<Response> {
  const request = readCompletion(call.json(), host.core.options.contextLength);
  return run(
    host,
    call,
    faults,
    request,
    "cmpl",
    ({ stamp, promptIds }) => completionFormat(stamp, request.reply, promptIds),
  );
}

function completeChat(host: VllmHost, call: Call, faults: DrawnFaults): Promise<Response> {
  const request = readChat(call.json(), host.chatTemplate, host.core.options.contextLength);
  return run(
    host,
    call,
    faults,
    request,
    "chatcmpl",
    ({ stamp, promptIds }) => chatFormat(stamp, request.reply, promptIds),
  );
}

interface Prepared {
  readonly stamp: VllmStamp;
  readonly promptIds: readonly number[];
}

async function run(
  { core }: VllmHost,
  call: Call,
  faults: DrawnFaults,
  request: VllmRequest,
  kind: string,
  format: (prepared: Prepared) => ReplyFormat,
): Promise<Response> {
  const parsed: GenerateRequest = await readGenerateRequest(request.generate, requestContext(core));
  const first = parsed.items[0]!;
  const stamp: VllmStamp = {
    id: kind === "generate-tokens" ? first.rid : `${kind}-${first.rid}`,
    created: Math.floor(core.clock.epochMs() / 1_000),
    model: core.options.modelPath,
  };
  return answer(
    core,
    parsed,
    call.request,
    faults,
    format({ stamp, promptIds: Array.from(first.promptIds) }),
  );
}

async function tokenize({ core, chatTemplate }: VllmHost, call: Call): Promise<Response> {
  const body = call.json();
  const ids = await core.vocabulary.tokenizer.encodeAsync(textOf(body, chatTemplate));
  const tokens = Array.from(ids);
  return jsonResponse({
    count: tokens.length,
    max_model_len: core.options.contextLength,
    tokens,
    token_strs: body["return_token_strs"] === true ? tokens.map((id) => core.vocabulary.textOf(id)) : null,
  });
}

function textOf(body: JsonObject, chatTemplate: ChatRenderer | null): string {
  const { prompt, messages, tools, chat_template_kwargs: kwargs } = body;
  if (typeof prompt === "string") return prompt;
  if (!Array.isArray(messages)) {
    throw new BadRequestError(`prompt must be a string or messages a list, received ${brief(prompt)}`);
  }
  if (chatTemplate === null) throw new BadRequestError("the tokenizer has no chat template");
  return chatTemplate.render({
    messages,
    add_generation_prompt: body["add_generation_prompt"] !== false,
    ...(Array.isArray(tools) ? { tools } : {}),
    ...(typeof kwargs === "object" && !Array.isArray(kwargs) ? kwargs : {}),
  });
}

function detokenize({ core }: VllmHost, call: Call): Response {
  const { tokens } = call.json();
  const isRight = Array.isArray(tokens) &&
    tokens.every((id) => typeof id === "number" && core.vocabulary.has(id));
  if (!isRight) throw new BadRequestError(`tokens must be a list of ids, received ${brief(tokens)}`);
  return jsonResponse({ prompt: core.vocabulary.tokenizer.decode(tokens as number[]) });
}

function pause({ core }: VllmHost, call: Call): Response {
  const mode = new URL(call.request.url).searchParams.get("mode") ?? "abort";
  const known = Object.hasOwn(PAUSE_MODES, mode) ? PAUSE_MODES[mode] : undefined;
  if (known === undefined) {
    const names = Object.keys(PAUSE_MODES).join(" or ");
    throw new BadRequestError(`mode must be ${names} in the simulated engine, received "${mode}"`);
  }
  core.scheduler.pause(known);
  // Frozen requests keep what they have computed.
  if (known === "abort") core.kvCache.clear();
  return jsonResponse({ status: "paused" });
}

function resume({ core }: VllmHost): Response {
  core.scheduler.resume();
  return jsonResponse({ status: "resumed" });
}

function resetPrefixCache({ core }: VllmHost): Response {
  core.kvCache.clear();
  return new Response(null, { status: 200 });
}
