/**
 * The contract between planning a turn and committing it.
 *
 * @module
 */
import type { PreparedPrompt, TokenCache } from "../cache/token_cache.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { JsonObject } from "../types.ts";
import type { ChatRenderer, RenderSettings } from "./chat_renderer.ts";
import type { MessageChain } from "./message_chain.ts";
import type { ForkCause, PromptRun, Turn } from "./turn.ts";
import type { RequestKey } from "./turn_index.ts";

/** What a client asks for, as far as the prompt goes. */
export interface ChatRequest {
  /** One or more. */
  readonly messages: readonly JsonObject[];
  /** Default none. */
  readonly tools?: readonly unknown[] | null;
  /** Further variables of the template. Default none. */
  readonly templateKwargs?: JsonObject;
  /** The turn that the client says it continues; decides between turns that its messages cannot tell apart. */
  readonly parentTurnId?: string;
  /** Requests with one key are one request. */
  readonly idempotencyKey?: string;
  /** The last message is an assistant's, and what is sampled goes on with it. Default false. */
  readonly continuesLast?: boolean;
  /** Hashes of `messages`, when the caller has them already; its messages are taken in their place. */
  readonly chain?: MessageChain;
}

/** What planning works with. One object serves all sessions of one model. */
export interface PlanParts {
  readonly tokenizer: Tokenizer;
  readonly renderer: ChatRenderer;
  /** Name or hash of the template; part of the branch key. */
  readonly templateId: string;
  /** Lends tokens to prompts that continue no turn. Default: they are encoded whole. */
  readonly cache?: TokenCache;
}

/** What cannot be told from what the client sent. */
export type Ambiguity =
  | "lineage" // several turns have the very messages that the request continues
  | "retry"; // the request repeats one whose reply was delivered: a retry, or one more sample

/** How sure it is what text follows the parent's tokens; a metric label. */
export type SuffixCheck =
  | "verbatim" // the prompt has the sampled text itself
  | "confirmed" // the template writes the turn in its own words, and the same text behind it under any history
  | "unconfirmed"; // it writes another text under a dummy history, or refuses that: the real one counts

/** A prompt, ready to be POSTed. */
export interface TurnPlan {
  readonly sessionId: string;
  /** Tells the plans of a session apart. */
  readonly serial: number;
  /** The turn whose tokens the prompt continues; null: it begins anew. */
  readonly parent: Turn | null;
  /** The turn whose conversation the request continues, also where its tokens could not be kept. */
  readonly matched: Turn | null;
  /** Trailing ids of the parent's path that are left out: 0, or 1 for a stop token. */
  readonly droppedIds: number;
  /** Ids behind the parent's path. */
  readonly promptIds: Uint32Array;
  readonly promptRuns: readonly PromptRun[];
  /** The message that the reply goes on with; null: the reply is a new one. */
  readonly opening: PlanOpening | null;
  /** What is POSTed: the parent's path less the trim, and `promptIds`. */
  readonly fullIds: Uint32Array;
  readonly cause: ForkCause | null;
  /** The prompt has tool calls as text whose arguments the template cannot read. */
  readonly hasCallsAsText: boolean;
  /** Null for prompts that begin anew, and for repeated ones. */
  readonly suffix: SuffixCheck | null;
  readonly branchKey: string;
  /** Messages behind the parent's. */
  readonly messages: readonly JsonObject[];
  /** Ids of `promptIds` that were encoded for this request: none for a repeated request. */
  readonly encodedTokens: number;
  /** The turn whose request this one repeats, or null. */
  readonly repeats: Turn | null;
  /** The turn that the idempotency key stands for: answer with it and generate nothing. */
  readonly answered: Turn | null;
  readonly ambiguity: Ambiguity | null;
  /** Turns that the request could continue, the chosen one included. */
  readonly candidates: number;
  /** The prompt ends inside the model's reasoning, its opener included: `<think>` is not sampled. */
  readonly reasoningOpen: boolean;
  /** The last `PROMPT_TAIL_UNITS` of the prompt's text before the reply, its opening included, for parsers. */
  readonly promptTail: string;
  /** Tokens lent by the cache: give to `settlePrompt` in the end, whatever happens. */
  readonly prepared: PreparedPrompt | null;
  /** For the commit only. */
  readonly record: PlanRecord;
}

/** The beginning of an assistant's message, at the end of a prompt. */
export interface PlanOpening {
  readonly message: JsonObject;
  /** Ids of its words. */
  readonly ids: Uint32Array;
  /** They are the parent's output; else the client's words, and the last of `promptIds`. */
  readonly reopensParent: boolean;
}

/** What a commit keeps besides the prompt. */
export interface PlanRecord {
  readonly chain: MessageChain;
  readonly requestKey: RequestKey;
  readonly promptUnits: number;
  readonly promptHash: string;
  readonly plannedAfterTurns: number;
  /** Messages that the matched turn's path covers: they cost no memory again. */
  readonly coveredMessages: number;
  readonly settings: RenderSettings;
}

/** Length of {@link TurnPlan.promptTail}, UTF-16 units. */
export const PROMPT_TAIL_UNITS = 256;
