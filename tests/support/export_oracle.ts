/**
 * What an export must say of a forest, worked out token by token from the definitions. Slow on purpose.
 *
 * @module
 */
import type { DropCause } from "../../src/trajectory/export/native.ts";
import type { SessionView, Turn } from "../../src/trajectory/turn.ts";
import type { WeightVersion } from "../../src/types.ts";

/** One token of a path. */
export interface PathToken {
  readonly id: number;
  /** Turn and position for what was sampled; null for prompts. */
  readonly sampled: { readonly turn: Turn; readonly at: number } | null;
  readonly letter: string;
  readonly version: WeightVersion | null;
}

/** Name of a sampled token. */
export function nameOf({ sampled }: PathToken): string | null {
  return sampled === null ? null : `${sampled.turn.index}:${sampled.at}`;
}

/** Tokens from the root to the end of a turn. */
export function tokensOf(turn: Turn): PathToken[] {
  const before = turn.parent === null ? [] : tokensOf(turn.parent);
  for (let i = 0; i < turn.droppedIds; i++) before.pop();
  const letters = turn.promptRuns.flatMap(({ tokens, provenance }) => Array(tokens).fill(provenance));
  const versions = turn.sampledRuns.flatMap(({ tokens, version }) => Array(tokens).fill(version));
  const prompt = Array.from(turn.promptIds, (id, i): PathToken => ({
    id,
    sampled: null,
    letter: letters[i],
    version: null,
  }));
  const output = Array.from(turn.outputIds, (id, at): PathToken => ({
    id,
    sampled: { turn, at },
    letter: "s",
    version: versions[at],
  }));
  return [...before, ...prompt, ...output];
}

/** Whether a turn may be in a row. */
export function isExportable(view: SessionView, turn: Turn): boolean {
  const isExtended = view.turns.some(({ parent }) => parent === turn);
  return isExtended || (turn.isDelivered && !turn.isSuperseded);
}

/** Exportable turns that no exportable turn continues. */
export function leavesOf(view: SessionView): Turn[] {
  const turns = view.turns.filter((turn) => isExportable(view, turn));
  return turns.filter((turn) => !turns.some(({ parent }) => parent === turn));
}

/** Where each sampled token must end up: `exported`, or the cause of its drop. By name of the token. */
export function fates(view: SessionView, maxTokens = Infinity): Map<string, DropCause | "exported"> {
  const paths = leavesOf(view).map(tokensOf);
  const places = new Map<string, number>();
  for (const path of paths) {
    path.forEach((token, i) => {
      const name = nameOf(token);
      if (name !== null) places.set(name, i);
    });
  }
  const result = new Map<string, DropCause | "exported">();
  for (const turn of view.turns) {
    turn.logprobs.forEach((logprob, at) => {
      const place = places.get(`${turn.index}:${at}`);
      result.set(`${turn.index}:${at}`, fate(view, turn, logprob, place, maxTokens));
    });
  }
  return result;
}

function fate(view: SessionView, turn: Turn, logprob: number, place: number | undefined, maxTokens: number) {
  if (!isExportable(view, turn)) return turn.isDelivered ? "superseded" : "undelivered";
  if (place === undefined) return "trimmed";
  if (place >= maxTokens) return "over length";
  return Number.isFinite(logprob) ? "exported" : "no logprob";
}
