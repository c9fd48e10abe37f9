/**
 * Templates that print no tools: a model would be asked to call what it was never shown.
 *
 * @module
 */
import type { ChatRenderer } from "../../trajectory/chat_renderer.ts";
import type { JsonObject } from "../../types.ts";
import { ChatRequestError } from "./chat_error.ts";
import type { ChatCompletionRequest } from "./chat_request.ts";

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
export function ignoresTools(renderer: ChatRenderer): boolean {
  const verdicts = PROBES.map((messages) => isUnseen(renderer, messages, [TOOL], {}));
  return verdicts.includes(true) && !verdicts.includes(false);
}

/**
 * Checks that the tools of a request are in its prompt. Costs two renders where the template is suspected, else nothing.
 *
 * @throws {ChatRequestError} when they are not, and are meant to be called
 */
export function assertToolsAreSeen(
  { messages, tools, findsCalls, templateKwargs }: ChatCompletionRequest,
  renderer: ChatRenderer,
  isSuspected: boolean,
): void {
  if (!isSuspected || tools === null || !findsCalls) return;
  if (isUnseen(renderer, messages, tools, templateKwargs) !== true) return;
  throw new ChatRequestError(
    "tools",
    "the chat template prints no tools, the model would not see them: give the router a template that does " +
      '(--chat-template PATH), or send tool_choice "none"',
  );
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
