/**
 * Small conversations that show what a chat template does to turns that are no longer the last.
 *
 * @module
 */
import type { JsonObject } from "../types.ts";
import type { ChatRenderer, RenderSettings } from "./chat_renderer.ts";

/** A conversation, a reply of the assistant, and what is appended. */
export interface CertificationProbe {
  /** What kind of turn is appended. */
  readonly kind: "user" | "tool";
  readonly before: readonly JsonObject[];
  readonly reply: JsonObject;
  readonly appended: readonly JsonObject[];
}

const SYSTEM: JsonObject = { role: "system", content: "Be brief." };
const USER: JsonObject = { role: "user", content: "What is it?" };
const PLAIN: JsonObject = { role: "assistant", content: "An answer." };
const INLINE: JsonObject = { role: "assistant", content: "<think>\nA reason.\n</think>\n\nAn answer." };
const REASONED: JsonObject = { ...PLAIN, reasoning_content: "A reason." };
/** What a template must print of a probe's call. */
export const CALL_WORDS: readonly string[] = ["look_up", "word", "pebble"];
const CALL: JsonObject = {
  role: "assistant",
  content: "",
  tool_calls: [{
    id: "call00001",
    type: "function",
    function: { name: "look_up", arguments: '{"word": "pebble"}' },
  }],
};
const REASONED_CALL: JsonObject = { ...CALL, reasoning_content: "A reason." };
const RESULT: JsonObject = { role: "tool", tool_call_id: "call00001", name: "look_up", content: "A result." };

/**
 * The probes, the smallest conversations first. Reasoning that comes in a field of its own is tried where the template prints it at
 * least in the last turn: others are for models that do not reason.
 */
export function probesOf(renderer: ChatRenderer, settings: RenderSettings): CertificationProbe[] {
  const printsReasoning = prints(renderer, settings, [USER, REASONED], "A reason.");
  const replies = [PLAIN, INLINE, ...(printsReasoning ? [REASONED] : [])];
  const calls = [CALL, ...(printsReasoning ? [REASONED_CALL] : [])];
  const begins = [[USER], [SYSTEM, USER], [USER, PLAIN, USER], [USER, CALL, RESULT, PLAIN, USER]];
  return begins.flatMap((before): CertificationProbe[] => [
    ...replies.map((reply) => ({ kind: "user" as const, before, reply, appended: [USER] })),
    ...calls.map((reply) => ({ kind: "tool" as const, before, reply, appended: [RESULT] })),
    { kind: "tool", before: [...before, CALL, RESULT], reply: calls[calls.length - 1]!, appended: [RESULT] },
  ]);
}

function prints(
  renderer: ChatRenderer,
  settings: RenderSettings,
  messages: readonly JsonObject[],
  words: string,
): boolean {
  try {
    return renderer.render(messages, settings, false).includes(words);
  } catch {
    return false;
  }
}
