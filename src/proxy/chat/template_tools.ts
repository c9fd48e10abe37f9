/**
 * Templates that print no tools: a model would be asked to call what it was never shown.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { ChatMetrics } from "../../observability/chat_metrics.ts";
import type { ChatRenderer } from "../../trajectory/chat_renderer.ts";
import type { JsonObject } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import type { ChatCompletionRequest } from "./chat_request.ts";

const PROBLEM = "the chat template prints no tools, the model does not see them";
const ADVICE = "give the router a template that does (--chat-template PATH)";
const logger = getLogger(["slime-router", "chat"]);
const TOOL: JsonObject = {
  type: "function",
  function: {
    name: "probe_name",
    description: "probe",
    parameters: { type: "object", properties: { probe_key: { type: "string", description: "probe" } } },
  },
};
const USER: JsonObject = { role: "user", content: "probe" };
const PROBES: readonly (readonly JsonObject[])[] = [[USER], [{ role: "system", content: "probe" }, USER]];

/** Whether a template prints the same with tools as without, as far as short conversations tell. */
function ignoresTools(renderer: ChatRenderer): boolean {
  const verdicts = PROBES.map((messages) => isUnseen(renderer, messages, [TOOL], {}));
  return verdicts.includes(true) && !verdicts.includes(false);
}

/** What becomes of tools that the model is not shown. */
export interface UnseenToolsOptions {
  /** Refuse them. Otherwise they are told of: the tokens are exact all the same, and the agent may name its tools itself. */
  readonly isStrict: boolean;
  readonly metrics: Pick<ChatMetrics, "toolsUnseen">;
}

/** Looks whether the tools of requests are in their prompts. */
export class UnseenTools {
  readonly #renderer: ChatRenderer;
  readonly #options: UnseenToolsOptions;
  readonly #isSuspected: boolean;
  #isTold = false;

  constructor(renderer: ChatRenderer, options: UnseenToolsOptions) {
    this.#renderer = renderer;
    this.#options = options;
    this.#isSuspected = ignoresTools(renderer);
  }

  /**
   * Costs two renders where the template is suspected, else nothing.
   *
   * @throws {ChatRequestError} in strict mode, when tools that may be called are not in the prompt
   */
  check({ messages, tools, findsCalls, templateKwargs }: ChatCompletionRequest): void {
    if (!this.#isSuspected || tools === null || !findsCalls) return;
    if (isUnseen(this.#renderer, messages, tools, templateKwargs) !== true) return;
    if (this.#options.isStrict) {
      throw new ChatRequestError("tools", `${PROBLEM}: ${ADVICE}, or send tool_choice "none"`);
    }
    this.#options.metrics.toolsUnseen();
    if (this.#isTold) return;
    this.#isTold = true;
    logger.warn(`A request has tools, but ${PROBLEM}: ${ADVICE}; --tito strict refuses such requests`);
  }
}

/** Null when the template refuses the conversation: it says why when its turn is planned. */
function isUnseen(
  renderer: ChatRenderer,
  messages: readonly JsonObject[],
  tools: readonly JsonObject[],
  templateKwargs: JsonObject,
): boolean | null {
  try {
    const [seen, unseen] = [tools, null].map((given) =>
      renderer.render(messages, { tools: given, templateKwargs, dateMs: 0 }, true)
    );
    return seen === unseen;
  } catch {
    return null;
  }
}
