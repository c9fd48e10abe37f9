/**
 * Makes the parts of the chat gateway from a configuration.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { createHash } from "node:crypto";
import type { TokenCache } from "../../cache/token_cache.ts";
import type { RouterConfig } from "../../config.ts";
import { createEngineAdapter } from "../../engine/create.ts";
import { ConfigError } from "../../errors.ts";
import { createChatMetrics } from "../../observability/chat_metrics.ts";
import type { RouterMetrics } from "../../observability/metrics.ts";
import { ChatTemplate } from "../../tokenizer/chat_template.ts";
import type { LoadedTokenizer } from "../../tokenizer/load.ts";
import { certifyTemplate } from "../../trajectory/certify_template.ts";
import { ChatRenderer } from "../../trajectory/chat_renderer.ts";
import { SessionStore } from "../../trajectory/session_store.ts";
import { TemplateClock } from "../../trajectory/template_clock.ts";
import type { Clock } from "../../types.ts";
import { ChatFormats, chooseFormats } from "./chat_formats.ts";
import type { ChatDeps } from "./chat_turn.ts";
import { enforceCertificate } from "./strict_template.ts";
import { UnseenTools } from "./template_tools.ts";

/** What the gateway has besides what all requests share. */
export type ChatParts = Pick<
  ChatDeps,
  "store" | "parts" | "formats" | "chatMetrics" | "adapter" | "toolProblem" | "unseenTools"
>;

/** What {@link createChatParts} works with. */
export interface ChatPartsOptions {
  readonly loaded: LoadedTokenizer | null;
  readonly cache: TokenCache | null;
  readonly metrics: RouterMetrics;
  readonly clock: Clock;
  readonly newId: () => string;
}

const logger = getLogger(["slime-router", "chat"]);

/**
 * The gateway's parts; null when chat is to be passed on as it comes.
 *
 * @throws {ConfigError} when the gateway is asked for and cannot be, or the template fails its certification in strict mode
 */
export function createChatParts(
  config: RouterConfig,
  { loaded, cache, metrics, clock, newId }: ChatPartsOptions,
): ChatParts | null {
  if (config.chat === "proxy") return null;
  const source = loaded?.chatTemplate ? loaded.chatTemplateSource : null;
  if (loaded === null || source === null || cache === null) {
    if (config.chat === "auto" && config.tito !== "strict") {
      // Without a tokenizer nobody expects otherwise.
      const level = loaded === null ? "debug" : "info";
      logger[level]("Chat is passed on as it comes: {reason}", { reason: whyNot(loaded) });
      return null;
    }
    throw new ConfigError(`Cannot serve chat token-exactly: ${whyNot(loaded)}`);
  }
  const { tokenizer } = loaded;
  const templateClock = new TemplateClock(() => clock.epochMs());
  const { specialTokens } = loaded.config;
  const frozen = ChatTemplate.parse(source, { specialTokens, now: templateClock.now });
  const renderer = new ChatRenderer(frozen, { clock: templateClock });
  const certificate = certifyTemplate(frozen, tokenizer, { renderer, dateMs: clock.epochMs() });
  const toolProblem = enforceCertificate(certificate, config.tito);
  const store = new SessionStore({
    clock,
    newId,
    sessionsMax: config.sessionsMax,
    turnsPerSessionMax: config.sessionTurnsMax,
    bytesMax: config.sessionBytesMax,
    idleMs: config.sessionIdleMs,
  });
  const chatMetrics = createChatMetrics(metrics.registry, () => store.stats());
  const templateId = createHash("sha256").update(JSON.stringify(source)).digest("base64url").slice(0, 22);
  return {
    store,
    parts: { tokenizer, renderer, templateId, cache },
    formats: new ChatFormats(formatsOf(config, source), tokenizer, JSON.stringify(source)),
    chatMetrics,
    adapter: createEngineAdapter(config.engine),
    toolProblem,
    unseenTools: new UnseenTools(renderer, { isStrict: config.tito === "strict", metrics: chatMetrics }),
  };
}

function whyNot(loaded: LoadedTokenizer | null): string {
  if (loaded === null) return "the router has no tokenizer (--tokenizer PATH)";
  return loaded.chatTemplateError ?? "the tokenizer has no chat template";
}

function formatsOf(
  { toolCallParser: toolFormat, reasoningParser: reasoningFormat }: RouterConfig,
  source: string | Readonly<Record<string, string>>,
) {
  const names = chooseFormats(source, { toolFormat, reasoningFormat });
  const isHarmony = [names.toolFormat, names.reasoningFormat].includes("harmony");
  if (
    isHarmony &&
    [names.toolFormat, names.reasoningFormat].some((name) => name !== "harmony" && name !== "none")
  ) {
    throw new ConfigError(
      `Cannot use --tool-call-parser ${names.toolFormat} with --reasoning-parser ${names.reasoningFormat}: ` +
        "harmony goes with harmony or none only",
    );
  }
  return names;
}
