/**
 * Shapes of the router's own requests and replies, for `/openapi.json`.
 *
 * @module
 */
import { WORKER_TYPES } from "../worker/worker.ts";

/** The part of JSON Schema that the document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** false: no other member may stand in the object. */
  readonly additionalProperties?: boolean | Schema;
}

const string: Schema = { type: "string" };
const boolean: Schema = { type: "boolean" };
const count: Schema = { type: "integer", minimum: 0 };
const text = (description: string): Schema => ({ ...string, description });
const flag = (value: boolean, description: string): Schema => ({ ...boolean, default: value, description });
const list = (items: Schema, description?: string): Schema => ({
  type: "array",
  items,
  ...(description === undefined ? {} : { description }),
});

/** Reference to one of {@link SCHEMAS}. */
export function ref(name: keyof typeof SCHEMAS): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object of which `required` members are always there and nothing else is. */
function exactly(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

/** An object with some members that are checked; others are ignored. */
function open(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

const loads: Schema = {
  type: "object",
  additionalProperties: count,
  description: "Requests in flight by worker URL, in order of registration",
};
const reasons: Schema = { type: "object", additionalProperties: count };
const workerType: Schema = { ...string, enum: WORKER_TYPES, default: "regular" };
const port: Schema = { type: ["integer", "null"], minimum: 1, maximum: 65_535 };
const version: Schema = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const insert = flag(true, "Record what was newly encoded as a prompt; false leaves the cache as it is");

const health = (...status: string[]) =>
  exactly({ status: { ...string, enum: status }, healthy_workers: count, total_workers: count });

const metadata: Schema = { type: "object", description: "The client's own; kept with the session" };
const session = {
  session_id: string,
  finished: boolean,
  created_ms: count,
  turn_count: count,
  turns_under_way: count,
  size_bytes: { ...count, description: "Memory, by account" },
  metadata,
} as const;
const turn = exactly({
  turn_id: string,
  index: count,
  parent: { type: ["integer", "null"], description: "Index of the turn that it continues" },
  parent_turn_id: { type: ["string", "null"] },
  cause: { type: ["string", "null"], description: "Why it does not simply continue its conversation" },
  status: { ...string, enum: ["completed", "truncated", "aborted"] },
  reopens_parent: { ...boolean, description: "Its reply is the parent's, gone on with" },
  dropped_tokens: { ...count, description: "Trailing tokens of the parent that it leaves out" },
  prompt_tokens: { ...count, description: "Tokens that its prompt adds to the parent's" },
  opening_tokens: {
    ...count,
    description: "Last tokens of its prompt with which the client begins the reply",
  },
  output_tokens: count,
  versions: list({ type: "object" }, "Runs of weight versions"),
  posted_hash: text("Names the ids that were POSTed"),
  delivered: boolean,
  superseded: boolean,
  committed_ms: count,
  messages: list({ type: "object" }),
  reply: { type: "object" },
});

/** Components of the document. */
export const SCHEMAS = {
  OpenAiError: exactly({
    error: exactly({
      message: string,
      type: string,
      param: { type: ["string", "null"] },
      code: { type: ["string", "null"] },
    }),
  }),
  ChatInput: open({
    messages: { ...list(open({ role: string }, ["role"])), minItems: 1 },
    model: string,
    tools: { type: ["array", "null"], items: { type: "object" } },
    tool_choice: {
      type: ["string", "object"],
      description:
        "auto, none, required, a named function, or allowed_tools; forced calls need a known tool format",
    },
    parallel_tool_calls: flag(true, "false: one call at most"),
    stream: flag(false, "Chunks as they are sampled"),
    n: { type: "integer", minimum: 1, maximum: 128, default: 1 },
    metadata: { type: "object", description: "session_id and parent_turn_id are the router's" },
    chat_template_kwargs: { type: "object", description: "Further variables of the template" },
    continue_final_message: flag(false, "Go on with the last message, an assistant's"),
    return_token_ids: flag(false, "prompt_token_ids, and token_ids of each choice"),
  }, ["messages"]),
  CompletionInput: open({
    model: string,
    prompt: { description: "A text, its token ids, or a list of either" },
    max_tokens: { type: "integer", minimum: 1, default: 16 },
    stream: flag(false, "Chunks as they are sampled"),
    n: { type: "integer", minimum: 1, maximum: 128, default: 1 },
    logprobs: {
      type: "integer",
      minimum: 0,
      maximum: 20,
      description: "Likely tokens to tell at each place",
    },
    return_token_ids: flag(false, "prompt_token_ids and token_ids of each choice"),
  }, ["prompt"]),
  SessionInput: open({ session_id: { ...string, minLength: 1 }, metadata }),
  Session: exactly(session),
  Sessions: exactly({
    sessions: list(exactly(session)),
    count,
    turn_count: count,
    size_bytes: count,
    removed: reasons,
  }),
  SessionTurns: exactly({ ...session, turns: list(turn) }),
  SessionRemoved: exactly({ status: { ...string, enum: ["success"] }, session_id: string }),
  SamplesInput: open({
    reward: { type: ["number", "object", "null"] },
    metadata,
    max_tokens: { type: ["integer", "null"], minimum: 1, description: "Longest row; longer ones are cut" },
  }),
  Error: exactly({ error: text("One sentence on what cannot be done, and why") }),
  Health: health("ok"),
  Readiness: health("ready", "not ready"),
  WorkerInput: open({
    url: text("http or https, without credentials, query or fragment"),
    worker_url: text("Another name of url"),
    worker_type: workerType,
    bootstrap_port: port,
  }),
  WorkerUrl: open({ url: string, worker_url: text("Another name of url") }),
  WorkerAdded: exactly({ status: { ...string, enum: ["success"] }, worker_urls: loads }),
  WorkerRemoved: exactly({
    status: { ...string, enum: ["success"] },
    removed: text("URL of the worker; its requests in flight go on"),
    worker_urls: loads,
  }),
  WorkerUrls: exactly({ urls: list(string, "In order of registration") }),
  Worker: exactly({
    id: string,
    url: string,
    worker_type: workerType,
    active_requests: count,
    is_healthy: boolean,
    circuit: { ...string, enum: ["closed", "open", "half_open"] },
    unhealthy_reason: string,
    weight_version: { type: ["string", "integer"], description: "As last seen in a reply" },
    bootstrap_port: port,
  }, ["unhealthy_reason", "weight_version", "bootstrap_port"]),
  Workers: exactly({ workers: list({ $ref: "#/components/schemas/Worker" }) }),
  Metrics: exactly({
    router: exactly({ active_workers: count, worker_loads: loads, total_in_flight: count }),
    cache: exactly({
      enabled: { ...boolean, description: "false without a tokenizer" },
      total_entries: count,
      cache_hits: count,
      cache_misses: count,
      hit_rate: { type: "number", minimum: 0, maximum: 1 },
      max_cache_size: { ...count, description: "Tokens" },
      cur_cache_size: { ...count, description: "Tokens" },
      gc_threshold_k: count,
      cache_size_mb: { type: "number", minimum: 0 },
      misses_by_reason: reasons,
      hits_by_reason: reasons,
      evicted_tokens: reasons,
      newest_weight_version: { type: ["integer", "null"] },
    }),
  }),
  AbortInput: open({
    rid: { type: ["string", "null"], description: "Requests whose id begins with it; not empty" },
    abort_all: flag(false, "Abort everything"),
  }),
  Aborted: exactly({
    status: { ...string, enum: ["success", "failed"] },
    workers: {
      type: "object",
      additionalProperties: { type: ["integer", "null"] },
      description: "HTTP status of each worker that was asked; null: not reached",
    },
  }),
  RetrieveInput: open({
    text: string,
    return_logp: flag(true, "Taken, and without effect: log-probabilities are always there"),
    insert,
  }, ["text"]),
  MessagesInput: open({
    messages: { ...list(open({ role: string }, ["role"])), minItems: 1 },
    tools: { type: ["array", "null"], items: { type: "object" } },
    add_generation_prompt: flag(false, "Open the assistant's turn"),
    chat_template_kwargs: { type: ["object", "null"], description: "Further variables of the template" },
    insert,
  }, ["messages"]),
  Tokens: exactly({
    tokens: list(count),
    response: text("The text that the tokens stand for"),
    loss_mask: list({ type: "integer", enum: [0, 1] }, "1: an engine sampled the token"),
    token_length: count,
    loss_mask_length: count,
    rollout_logp: list(
      { type: ["number", "null"] },
      "0.0 for prompt tokens; null where the engine told none for a sampled one",
    ),
    generation_versions: list(
      { type: ["integer", "string", "null"] },
      "Weight version of sampled tokens; -1: not sampled; null: sampled, version unknown; a string: a label",
    ),
    matched_length: { ...count, description: "Tokens that came from the cache; the others were encoded" },
    match_reason: { ...string, enum: ["hit", "evicted", "no match", "not at a splice point", "empty"] },
    candidates: { ...count, description: "Stored paths with this text: more than 1 means it is ambiguous" },
  }),
  Snapshot: exactly({
    status: { ...string, enum: ["success"] },
    bytes: { ...count, description: "Size of the file" },
    ms: { ...count, description: "Time that copying and writing took" },
  }),
  GcInput: open({ current_version: version, gc_threshold_k: version }, ["current_version"]),
  Collected: exactly({
    status: { ...string, enum: ["success"] },
    removed_entries: count,
    removed_tokens: count,
    cur_cache_size: { ...count, description: "Tokens left" },
  }),
  GenerateInput: open({
    text: { type: ["string", "array", "null"], description: "Text, or a batch of texts" },
    input_ids: { type: ["array", "null"], description: "Token ids, or a batch of them" },
    rid: { type: ["string", "array", "null"] },
    sampling_params: { type: ["object", "array", "null"] },
    stream: { type: ["boolean", "null"], default: false },
  }),
} as const satisfies Readonly<Record<string, Schema>>;
