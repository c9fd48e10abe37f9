/**
 * What is said in the demo. The engines answer these prompts so, any other with sentences of their own.
 *
 * @module
 */
import type { Script } from "../../engine/simulated/mod.ts";

const SYSTEM = "You are a careful assistant.";
/** What the user asks, turn by turn. */
export const QUESTIONS = ["Is the ferry late?", "And when does the next one leave?"] as const;
const ANSWERS = [
  "HAVING lost two hours to fog, the ferry came in at noon. 船到了。",
  "At six, says the timetable; antidisestablishmentarianism notwithstanding ⛴️.",
] as const;

/** Weight versions under which the two turns are sampled. */
export const WEIGHT_VERSIONS = ["7", "8"] as const;

/** Opening of a conversation in ChatML, ready for the assistant to speak. */
export function firstPrompt(): string {
  return `<|im_start|>system\n${SYSTEM}<|im_end|>\n${userTurn(QUESTIONS[0])}`;
}

/** The conversation so far, with the second question: an agent's usual way of going on, by appending text. */
export function secondPrompt(first: string, reply: string): string {
  return `${first}${reply}<|im_end|>\n${userTurn(QUESTIONS[1])}`;
}

function userTurn(text: string): string {
  return `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`;
}

/** Answers by the last question in the prompt. */
export function demoScript(decode: (ids: ArrayLike<number>) => string): Script {
  return function answer({ text, ids }) {
    const prompt = text ?? decode(ids);
    const asked = QUESTIONS.findLastIndex((question) => prompt.endsWith(userTurn(question)));
    return asked < 0 ? undefined : ANSWERS[asked];
  };
}
