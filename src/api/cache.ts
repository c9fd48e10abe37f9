/**
 * Asking the cache: tokens of a text or of messages, and collection by hand.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { TokenCache } from "../cache/token_cache.ts";
import { BadRequestError, NotConfiguredError } from "../errors.ts";
import type { RouterEnv } from "../proxy/router_env.ts";
import { type ChatTemplate, ChatTemplateError } from "../tokenizer/chat_template.ts";
import { parseJson } from "../tokenizer/parse_json.ts";
import { assertWellFormed, readJsonObject, validate } from "./json_body.ts";
import { methodNotAllowed } from "./method_not_allowed.ts";
import { retrieveReply } from "./retrieve_reply.ts";

/** What the cache endpoints need. */
export interface CacheApiOptions {
  /** null without a tokenizer: these endpoints then answer 503. */
  readonly cache: TokenCache | null;
  readonly chatTemplate: ChatTemplate | null;
  /** Why there is no chat template, for the error. */
  readonly chatTemplateError: string | null;
  readonly maxBodyBytes: number;
}

const retrieveSchema = v.object({
  text: v.string(),
  // Taken for the clients that send it: the reply always has the log-probabilities.
  return_logp: v.optional(v.boolean(), true),
  insert: v.optional(v.boolean(), true),
});

const messagesSchema = v.looseObject({
  messages: v.optional(v.array(v.looseObject({ role: v.string() })), []),
  tools: v.nullish(v.array(v.looseObject({})), null),
  add_generation_prompt: v.optional(v.boolean(), false),
  chat_template_kwargs: v.nullish(v.looseObject({}), null),
  insert: v.optional(v.boolean(), true),
});

const gcSchema = v.object({
  current_version: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  gc_threshold_k: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

/** Routes `/retrieve_from_text`, `/retrieve_from_messages_template`, `/gc`. */
export function cacheApi(options: CacheApiOptions): Hono<RouterEnv> {
  const app = new Hono<RouterEnv>();
  const { maxBodyBytes } = options;

  app.post("/retrieve_from_text", async function retrieveFromText(c) {
    const cache = requireCache(options, "retrieve tokens");
    const body = validate("retrieve tokens", retrieveSchema, await readJsonObject(c, maxBodyBytes));
    return await retrieve(c, cache, body.text, body.insert);
  });

  app.post("/retrieve_from_messages_template", async function retrieveFromMessages(c) {
    const cache = requireCache(options, "render messages");
    const body = validate(
      "render messages",
      messagesSchema,
      await readJsonObject(c, maxBodyBytes, parseJson),
    );
    if (body.messages.length === 0) throw new BadRequestError("Cannot render messages: messages is empty");
    const text = render(requireTemplate(options), {
      ...body.chat_template_kwargs,
      messages: body.messages,
      tools: body.tools,
      add_generation_prompt: body.add_generation_prompt,
    });
    return await retrieve(c, cache, text, body.insert);
  });

  app.post("/gc", async function collectGarbage(c) {
    const cache = requireCache(options, "collect garbage");
    const body = validate("collect garbage", gcSchema, await readJsonObject(c));
    const report = await cache.collect(body.current_version, body.gc_threshold_k);
    return c.json({
      status: "success",
      removed_entries: report.removedEntries,
      removed_tokens: report.removedTokens,
      cur_cache_size: cache.stats().tokens,
    });
  });

  app.all("/retrieve_from_text", methodNotAllowed("POST"));
  app.all("/retrieve_from_messages_template", methodNotAllowed("POST"));
  app.all("/gc", methodNotAllowed("POST"));
  return app;
}

async function retrieve(
  c: Context<RouterEnv>,
  cache: TokenCache,
  text: string,
  insert: boolean,
): Promise<Response> {
  assertWellFormed("retrieve tokens", text);
  const exchange = c.get("exchange");
  const found = await cache.retrieve(text, insert, exchange.routingKey ?? undefined, exchange);
  return retrieveReply(text, found, (code) => cache.trie.versionLabel(code));
}

/** The template's own words are the client's to read: they say what is wrong with the messages. */
function render(template: ChatTemplate, context: Parameters<ChatTemplate["render"]>[0]): string {
  try {
    return template.render(context);
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    throw new BadRequestError(`Cannot render messages: ${error.message}`, { cause: error });
  }
}

function requireCache({ cache }: CacheApiOptions, action: string): TokenCache {
  if (cache !== null) return cache;
  throw new NotConfiguredError(`Cannot ${action}: the router has no tokenizer (--tokenizer PATH)`);
}

function requireTemplate({ chatTemplate, chatTemplateError }: CacheApiOptions): ChatTemplate {
  if (chatTemplate !== null) return chatTemplate;
  throw new NotConfiguredError(
    `Cannot render messages: ${chatTemplateError ?? "the tokenizer has no chat template"}`,
  );
}
