/**
 * What becomes of a chat template's certificate: told, or, in strict mode, enforced.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { ConfigError } from "../../errors.ts";
import type { Counterexample, TemplateCertificate } from "../../trajectory/certify_template.ts";
import { ChatRequestError } from "./chat_error.ts";
import type { ChatCompletionRequest } from "./chat_request.ts";

const logger = getLogger(["slime-router", "chat"]);

/**
 * Tells what the template does not keep.
 *
 * @returns why requests with tools are refused, or null: they are not
 * @throws {ConfigError} in strict mode, when conversations of users alone are not kept
 */
export function enforceCertificate(
  certificate: TemplateCertificate,
  mode: "report" | "strict",
): string | null {
  const { verdicts, counterexamples } = certificate;
  const problem = describe(counterexamples.user);
  const isReasoning = verdicts.user === "reasoning left out";
  const isUserBroken = !isReasoning && problem !== null;
  if (mode === "strict" && isUserBroken) {
    throw new ConfigError(`Cannot certify the chat template (--tito strict): ${problem}`);
  }
  if (isUserBroken) warn("does not keep conversations, turns will fork", problem);
  if (isReasoning) warn("leaves earlier reasoning out, such turns begin a row of their own", problem);
  const toolProblem = describe(counterexamples.tool);
  if (toolProblem === null) return null;
  if (verdicts.tool === "reasoning left out") {
    warn("leaves reasoning out in tool loops, such turns begin a row of their own", toolProblem);
  } else if (verdicts.tool === "refused") {
    warn("refuses tools, and says so with each request", toolProblem);
  } else {
    const consequence = mode === "strict" ? ", which are refused" : "";
    warn(`does not keep conversations with tools${consequence}`, toolProblem);
  }
  return mode === "strict" && verdicts.tool === "broken" ? toolProblem : null;
}

/** @throws {ChatRequestError} for a conversation with tools where the template does not keep those */
export function assertTemplateKeeps(
  { messages, tools }: ChatCompletionRequest,
  toolProblem: string | null,
): void {
  if (toolProblem === null) return;
  const at = messages.findIndex(({ role, tool_calls: calls }) =>
    role === "tool" || role === "function" || (Array.isArray(calls) && calls.length > 0)
  );
  if (tools === null && at < 0) return;
  const problem = `the chat template does not keep conversations with tools (--tito strict): ${toolProblem}`;
  throw new ChatRequestError(tools === null ? `messages[${at}]` : "tools", problem);
}

function warn(what: string, problem: string | null): void {
  logger.warn(`The chat template ${what}: {problem}`, { problem });
}

/** The smallest conversation that fails, in a line. */
function describe(example: Counterexample | null): string | null {
  if (example === null) return null;
  const { failure, messages, appended, expected, found } = example;
  const roles = [...messages, ...appended].map(({ role, tool_calls: calls }) =>
    calls ? `${role} (call)` : role
  );
  const where = `in the conversation ${roles.join(", ")}`;
  return failure === "refused"
    ? `refused ${where}: ${found}`
    : `${failure} ${where}: ${JSON.stringify(expected)} became ${JSON.stringify(found)}`;
}
