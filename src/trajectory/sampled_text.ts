/**
 * What a turn's sampled ids say, and the stop token at their end.
 *
 * @module
 */
import type { FinishReason } from "../engine/engine.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { joinedIds, openingIdsOf } from "./opening.ts";
import type { Turn } from "./turn.ts";

/** The text of sampled ids. */
export interface SampledText {
  /** Without the trailing stop token. */
  readonly body: string;
  /** Text of the stop token; "" when none was sampled. */
  readonly stop: string;
}

/**
 * Whether the last sampled id is a stop token: the one that the engine names, or a special one where it names none. One
 * that came with the last token allowed ends the turn as well.
 */
export function endsWithStopToken(
  tokenizer: Tokenizer,
  ids: Uint32Array,
  finish: FinishReason | null,
): boolean {
  const last = ids[ids.length - 1];
  if (last === undefined || finish?.type === "abort") return false;
  return finish?.matched === undefined ? tokenizer.isSpecial(last) : finish.matched === last;
}

/** Decodes a turn's words: its output, behind those that it goes on with. Cost: the words. */
export function sampledTextOf(tokenizer: Tokenizer, turn: Turn, endsWithStop: boolean): SampledText {
  const ids = joinedIds([openingIdsOf(turn), turn.outputIds]);
  if (!endsWithStop) return { body: tokenizer.decode(ids), stop: "" };
  const last = ids.length - 1;
  return { body: tokenizer.decode(ids.subarray(0, last)), stop: tokenizer.decode(ids.subarray(last)) };
}
