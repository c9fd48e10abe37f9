/**
 * One turn of a chat: planned, sampled, recorded.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { TokenRequest } from "../../engine/adapter.ts";
import type { SampledOutput } from "../../engine/engine.ts";
import type { ChatMetrics } from "../../observability/chat_metrics.ts";
import { commitTurn, markDelivered } from "../../trajectory/commit_turn.ts";
import { settlePrompt } from "../../trajectory/encode_prompt.ts";
import type { ChatRequest, PlanParts, TurnPlan } from "../../trajectory/plan.ts";
import { planTurn } from "../../trajectory/plan_turn.ts";
import { pathIds, pathLength } from "../../trajectory/path.ts";
import type { Session } from "../../trajectory/session.ts";
import type { SessionStore } from "../../trajectory/session_store.ts";
import type { Turn } from "../../trajectory/turn.ts";
import type { JsonObject } from "../../types.ts";
import type { Exchange } from "../exchange.ts";
import type { HeaderPairs } from "../headers.ts";
import { TurnRefusedError } from "./chat_error.ts";
import type { ChatFormats } from "./chat_formats.ts";
import type { CompletionStamp, LedgerNote } from "./chat_reply.ts";
import type { ChatCompletionRequest } from "./chat_request.ts";
import { Choice, type ChoiceEnd } from "./choice.ts";
import { isGrammar } from "./tool_choice.ts";
import { Sampling, type SamplingDeps } from "./sampling.ts";
import { goOnBehind } from "./go_on.ts";
import { TokenText } from "./token_text.ts";
import type { UnseenTools } from "./template_tools.ts";

/** What the chat gateway works with. */
export interface ChatDeps extends SamplingDeps {
  readonly store: SessionStore;
  readonly parts: PlanParts;
  readonly formats: ChatFormats;
  readonly chatMetrics: ChatMetrics;
  /** Why conversations with tools are refused; null: they are served. */
  readonly toolProblem: string | null;
  readonly unseenTools: UnseenTools;
  /** Unique and URL-safe. */
  readonly newId: () => string;
}

/** A request whose session is found. */
export interface ChatCall {
  readonly request: ChatCompletionRequest;
  readonly session: Session;
  readonly chain: NonNullable<ChatRequest["chain"]>;
  /** The session was guessed among several. */
  readonly isSessionAmbiguous: boolean;
  readonly idempotencyKey: string | null;
  readonly headers: HeaderPairs;
  readonly exchange: Exchange;
}

/** One recorded sample. */
export interface CommittedChoice {
  readonly choice: Choice;
  readonly end: ChoiceEnd;
  readonly output: SampledOutput;
  readonly message: JsonObject;
  /** Null when there was nothing to record: the engine was paused before the first token. */
  readonly turn: Turn | null;
}

const logger = getLogger(["slime-router", "chat"]);

/** A planned turn on its way. */
export class ChatTurn {
  readonly plan: TurnPlan;
  readonly stamp: CompletionStamp;
  readonly sampling: Sampling;
  readonly choices: readonly Choice[];
  readonly #call: ChatCall;
  readonly #deps: ChatDeps;
  /** The grammar of calls that the engine is held to; null: none. */
  readonly #constraint: JsonObject | null;
  #turns: readonly (Turn | null)[] = [];

  private constructor(call: ChatCall, plan: TurnPlan, deps: ChatDeps) {
    const { request, exchange } = call;
    const { epochMs } = deps.clock;
    const rid = request.rid ?? `chatcmpl-${deps.newId()}`;
    this.plan = plan;
    this.stamp = { id: rid, created: Math.floor(epochMs.call(deps.clock) / 1_000), model: request.model };
    this.#call = call;
    this.#deps = deps;
    this.#constraint = constraintOf(request, plan, deps.formats);
    this.choices = Array.from({ length: request.sampling.n ?? 1 }, (_, index) => this.#newChoice(index));
    this.sampling = new Sampling(this.#tokenRequest(rid), call.headers, exchange, deps);
  }

  /**
   * Plans a turn. The session is held, and what the cache lends is given back, when the exchange ends.
   *
   * @throws what `planTurn` throws
   */
  static async plan(call: ChatCall, deps: ChatDeps): Promise<ChatTurn> {
    const { session, exchange } = call;
    const underWay = session.begin();
    exchange.onEnd(() => {
      underWay[Symbol.dispose]();
      // A failed request leaves no trace, nor a session that nobody could name.
      if (session.isAnonymous && session.turns.length === 0 && session.underWay === 0) {
        deps.store.remove(session.id);
      }
    });
    const plan = await planTurn(session, chatRequestOf(call), deps.parts, exchange.signal);
    exchange.onEnd(() => void settlePrompt(deps.parts, plan, null));
    const matched = plan.fullIds.length - plan.encodedTokens;
    exchange.promptTokens = { matched, encoded: plan.encodedTokens };
    deps.metrics.promptTokens(matched, plan.encodedTokens);
    noteFork(plan, deps);
    noteCalls(plan, deps);
    return new ChatTurn(call, plan, deps);
  }

  /** Ids of the prompt for the client; null when it did not ask. */
  get promptIdsToTell(): Uint32Array | null {
    return this.#call.request.returnTokenIds ? this.plan.fullIds : null;
  }

  get request(): ChatCompletionRequest {
    return this.#call.request;
  }

  /**
   * Ends the samples and records them, before their last bytes go out.
   *
   * @throws {TurnRefusedError} when a reply must not be recorded
   */
  async commit(): Promise<readonly CommittedChoice[]> {
    const { outputs } = this.sampling;
    const committed = this.choices.map((choice, index) => this.#commitOne(choice, outputs[index]!));
    this.#turns = committed.map(({ turn }) => turn);
    await settlePrompt(this.#deps.parts, this.plan, this.#turns[0] ? outputs[0]! : null);
    return committed;
  }

  /** Answers with a turn that was recorded before. */
  adopt(recorded: Turn): void {
    this.#turns = [recorded];
  }

  /** The last byte was handed to the client. */
  delivered(): void {
    for (const turn of this.#turns) if (turn !== null) markDelivered(this.#call.session, turn);
  }

  /** What a reply tells of the ledger. */
  note(turns: readonly (Turn | null)[] = this.#turns): LedgerNote {
    const ids = turns.map((turn) => turn?.id ?? null);
    const { isSessionAmbiguous, session } = this.#call;
    return {
      session_id: session.id,
      turn_id: ids[0] ?? null,
      turn_ids: ids,
      cause: turns[0]?.cause ?? this.plan.cause,
      ambiguity: isSessionAmbiguous ? "session" : this.plan.ambiguity,
    };
  }

  #commitOne(choice: Choice, output: SampledOutput): CommittedChoice {
    const end = choice.end(output.finishReason);
    const message = { ...end.parsed.message } as unknown as JsonObject;
    const isNothing = output.tokenIds.length === 0 && output.finishReason?.type === "abort";
    return { choice, end, output, message, turn: isNothing ? null : this.#record(output, message) };
  }

  #record(output: SampledOutput, message: JsonObject): Turn {
    const { session, idempotencyKey, exchange } = this.#call;
    const { clock, parts, chatMetrics, metrics } = this.#deps;
    const commitParts = { tokenizer: parts.tokenizer, epochMs: () => clock.epochMs() };
    const key = idempotencyKey === null ? {} : { idempotencyKey };
    const result = commitTurn(session, this.plan, output, message, commitParts, key);
    if (result.ok && result.isNew) return result.turn;
    if (result.ok) {
      throw new TurnRefusedError(
        "session",
        "another request with the same Idempotency-Key was answered first",
      );
    }
    metrics.commitRefused(result.reason);
    if (result.reason !== "session") chatMetrics.mismatch(result.reason);
    logger.error("Turn of session {session} is not recorded: {reason}: {detail}", {
      session: session.id,
      worker: exchange.worker?.url,
      reason: result.reason,
      detail: result.detail,
      requestId: exchange.id,
    });
    throw new TurnRefusedError(result.reason, result.detail);
  }

  #tokenRequest(rid: string): TokenRequest {
    const { sampling, stream, extra } = this.#call.request;
    const { stopTokenIds } = this.#deps.formats;
    const stopping = stopTokenIds.length === 0 || sampling.ignoreEos
      ? {}
      : { stopTokenIds: [...new Set([...sampling.stopTokenIds ?? [], ...stopTokenIds])] };
    const held = this.#constraint === null ? {} : { responseFormat: this.#constraint };
    return {
      inputIds: this.plan.fullIds,
      sampling: { ...sampling, ...stopping, ...held },
      stream,
      rid,
      extra,
    };
  }

  #newChoice(index: number): Choice {
    const { request } = this.#call;
    const { formats, parts, newId } = this.#deps;
    const { stop = [], stopTokenIds = [] } = request.sampling;
    const newParser = () =>
      formats.parser({
        tools: request.tools,
        findsCalls: request.findsCalls,
        isConstrained: this.#constraint !== null,
        promptTail: this.plan.promptTail,
        newToolCallId: () => `call_${newId()}`,
      });
    const text = {
      tokenizer: parts.tokenizer,
      delimiters: formats.delimiters,
      keepsSpecialTokens: request.keepsSpecialTokens,
    };
    const opening = this.plan.opening?.ids;
    return new Choice({
      ...text,
      index,
      parser: opening === undefined ? newParser() : goOnBehind(new TokenText(text).push(opening), newParser),
      ...(opening === undefined ? {} : { opening }),
      stop,
      stopTokenIds,
      logprobs: request.logprobs,
      isCallNamed: request.toolChoice.kind === "named",
    });
  }
}

/** A `response_format` is about text: it comes first where text may be, and says nothing to a reply that must call. */
function constraintOf(
  { toolChoice, sampling: { responseFormat } }: ChatCompletionRequest,
  { promptTail }: TurnPlan,
  formats: ChatFormats,
): JsonObject | null {
  if (toolChoice.kind === "auto" && isGrammar(responseFormat)) return null;
  return formats.constraint(toolChoice, promptTail);
}

function chatRequestOf({ request, chain, idempotencyKey }: ChatCall): ChatRequest {
  const { messages, tools, templateKwargs, continuesLast, parentTurnId } = request;
  return {
    messages,
    tools,
    templateKwargs,
    continuesLast,
    chain,
    ...(parentTurnId === null ? {} : { parentTurnId }),
    ...(idempotencyKey === null ? {} : { idempotencyKey }),
  };
}

function noteCalls({ hasCallsAsText, sessionId: session }: TurnPlan, { chatMetrics }: ChatDeps): void {
  if (!hasCallsAsText) return;
  chatMetrics.callsAsText();
  logger.warn(
    "A prompt of session {session} has a tool call as text: its arguments are broken, and the chat template refuses it",
    { session },
  );
}

/** Ids that a log line shows from the first difference on. */
const SHOWN_IDS = 8;

function noteFork(plan: TurnPlan, { chatMetrics, parts }: ChatDeps): void {
  const { cause, matched, parent, encodedTokens, fullIds } = plan;
  if (cause === null) return;
  chatMetrics.forked(cause);
  if (parent !== null || matched === null || plan.repeats !== null) return;
  chatMetrics.retokenised(Math.min(encodedTokens, pathLength(matched)));
  if (!logger.isEnabledFor("debug")) return;
  const known = pathIds(matched);
  const at = known.findIndex((id, index) => id !== fullIds[index]);
  const shown = (ids: Uint32Array) => Array.from(ids.subarray(at, at + SHOWN_IDS));
  logger.debug("Prompt departs from turn {turn} at token {at}: {known} became {found} ({cause})", {
    turn: matched.id,
    at,
    cause,
    known: shown(known),
    found: shown(fullIds),
    knownText: parts.tokenizer.decode(shown(known)),
    foundText: parts.tokenizer.decode(shown(fullIds)),
  });
}
