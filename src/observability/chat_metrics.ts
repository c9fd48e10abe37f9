/**
 * What the chat gateway counts: how conversations fork, and what contradicts the ledger.
 *
 * @module
 */
import { Gauge, type Registry } from "prom-client";
import { Tally } from "./tally.ts";

/** The sessions as the gauges show them: a `SessionStoreStats` satisfies it. */
export interface SessionGauges {
  readonly sessions: number;
  readonly turns: number;
  readonly sizeBytes: number;
}

/** The meters of one gateway. */
export interface ChatMetrics {
  /** A turn did not simply continue its conversation. */
  forked(cause: string): void;
  /** History was encoded although its tokens were known. */
  retokenised(tokens: number): void;
  /** A request had tools that its prompt does not show. */
  toolsUnseen(): void;
  /** A prompt has calls as text whose arguments its template cannot read. */
  callsAsText(): void;
  /** A reply contradicts what was sent. */
  mismatch(reason: string): void;
}

/** Registers the meters. */
export function createChatMetrics(registry: Registry, sessions: () => SessionGauges): ChatMetrics {
  const tally = (name: string, help: string, ...labels: string[]) =>
    new Tally(registry, { name: `slime_router_${name}`, help }, labels);
  const forks = tally("tito_forks_total", "Turns that do not simply continue their conversation", "cause");
  const retokenised = tally("retokenised_tokens_total", "Tokens of history that were encoded anew");
  const unseen = tally("tools_unseen_total", "Requests with tools that the chat template does not print");
  const asText = tally(
    "calls_as_text_total",
    "Prompts with tool calls as text whose arguments the chat template cannot read",
  );
  const mismatches = tally("tito_mismatch_total", "Replies that contradict what was sent", "reason");
  const gauge = (name: string, help: string, value: (stats: SessionGauges) => number) =>
    new Gauge({
      name: `slime_router_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value(sessions()));
      },
    });
  gauge("sessions", "Sessions held", (stats) => stats.sessions);
  gauge("session_turns", "Turns of all sessions", (stats) => stats.turns);
  gauge("session_bytes", "Bytes that the sessions hold, by account", (stats) => stats.sizeBytes);
  return {
    forked: (cause) => forks.count(cause),
    retokenised: (tokens) => retokenised.add(tokens, ""),
    toolsUnseen: () => unseen.add(1, ""),
    callsAsText: () => asText.add(1, ""),
    mismatch: (reason) => mismatches.count(reason),
  };
}
