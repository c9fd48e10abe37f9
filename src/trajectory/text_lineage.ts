/**
 * Which turn a rendered prompt continues word for word, where the messages do not tell: a client may split messages in
 * another way, or put the reasoning into the content.
 *
 * @module
 */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { JsonObject } from "../types.ts";
import { sampledTextOf } from "./sampled_text.ts";
import type { Session } from "./session.ts";
import { prefixHashes } from "./text_marks.ts";
import type { Turn } from "./turn.ts";

/** What is looked for. */
export interface TextQuery {
  readonly session: Session;
  readonly tokenizer: Tokenizer;
  readonly messages: readonly JsonObject[];
  readonly prompt: string;
  readonly branchKey: string;
  /** Only turns with more messages than this on their path. */
  readonly coveredMessages: number;
}

/**
 * The deepest complete turn whose prompt and output the prompt begins with, and at whose end a message of the client ends;
 * null: none. Cost: the prompt once, and the outputs of turns whose prompt it begins with.
 */
export function findByText(
  { session, tokenizer, messages, prompt, branchKey, coveredMessages }: TextQuery,
): Turn | null {
  const turns = session.turns.filter((turn) => {
    const { messageCount, endsWithStop, promptUnits } = session.index.factsOf(turn);
    // Behind another stop token, such as a word that the client asked for, the message may go on.
    const isComplete = endsWithStop && tokenizer.isSpecial(turn.outputIds.at(-1)!);
    return turn.branchKey === branchKey && isComplete && promptUnits <= prompt.length &&
      messageCount > coveredMessages && messages[messageCount - 1]?.role === "assistant";
  });
  if (turns.length === 0) return null;
  const facts = turns.map((turn) => session.index.factsOf(turn));
  const hashes = prefixHashes(prompt, facts.map(({ promptUnits }) => promptUnits));
  let deepest: Turn | null = null, deepestUnits = -1;
  turns.forEach((turn, index) => {
    const { promptUnits, promptHash } = facts[index]!;
    if (hashes[index] !== promptHash || promptUnits < deepestUnits) return;
    const { body, stop } = sampledTextOf(tokenizer, turn, true);
    if (!prompt.startsWith(body + stop, promptUnits)) return;
    [deepest, deepestUnits] = [turn, promptUnits];
  });
  return deepest;
}
