/**
 * A turn as a session keeps it: all its numbers in one buffer, read through views that are made when they are asked for.
 *
 * A typed array costs some 200 bytes beside its numbers, a list of runs as much; a turn would have three of the one and two
 * of the other, which is more than what it samples.
 *
 * ```text
 * | logprobs, s × f32 or f64 | sampled ids, s × u32 | posted hash, 32 B | prompt ids, p × u32 | runs, r × (tokens u32, letter u32) |
 *                                                   '---- in the buffer of one turn for all that share the prompt ----'
 * ```
 *
 * @module
 */
import type { JsonObject, WeightVersion } from "../types.ts";
import type { ForkCause, PromptRun, SampledRun, Turn, TurnStatus } from "./turn.ts";

const ID_BYTES = 4;
const RUN_BYTES = 8;
const HASH_BYTES = 32;

/** A committed turn. What its getters give is made anew each time: cheap, but not for the inside of a loop. */
export class RecordedTurn implements Turn {
  readonly id: string;
  readonly index: number;
  readonly parent: Turn | null;
  readonly droppedIds: number;
  readonly openingTokens: number;
  readonly reopensParent: boolean;
  readonly cause: ForkCause | null;
  readonly status: TurnStatus;
  readonly branchKey: string;
  readonly messages: readonly JsonObject[];
  readonly reply: JsonObject;
  readonly committedMs: number;
  isDelivered: boolean;
  isSuperseded: boolean;
  readonly #buffer: ArrayBuffer;
  readonly #sampledTokens: number;
  /** Of the prompt in the own buffer. */
  readonly #promptTokens: number;
  /** Bytes of a log-probability: 4 where no value loses a bit by it. */
  readonly #logprobBytes: 4 | 8;
  /** The version of all tokens; several runs as they are. */
  readonly #versions: WeightVersion | null | readonly SampledRun[];
  /** Whose buffer has the prompt. */
  readonly #promptOwner: RecordedTurn;

  /**
   * Copies the numbers of `turn`.
   *
   * @param twin a recorded turn whose prompt is the very same: it is not copied again
   */
  constructor(turn: Turn, twin: Turn | null = null) {
    this.id = turn.id;
    this.index = turn.index;
    this.parent = turn.parent;
    this.droppedIds = turn.droppedIds;
    this.openingTokens = turn.openingTokens;
    this.reopensParent = turn.reopensParent;
    this.cause = turn.cause;
    this.status = turn.status;
    this.branchKey = turn.branchKey;
    this.messages = turn.messages;
    this.reply = turn.reply;
    this.committedMs = turn.committedMs;
    this.isDelivered = turn.isDelivered;
    this.isSuperseded = turn.isSuperseded;
    const { logprobs, outputIds } = turn;
    this.#sampledTokens = outputIds.length;
    this.#logprobBytes = logprobs.every(isSingle) ? 4 : 8;
    this.#versions = versionsOf(turn);
    this.#promptOwner = twin instanceof RecordedTurn ? twin.#promptOwner : this;
    const ownsPrompt = this.#promptOwner === this;
    this.#promptTokens = ownsPrompt ? turn.promptIds.length : 0;
    const promptBytes = HASH_BYTES + this.#promptTokens * ID_BYTES + turn.promptRuns.length * RUN_BYTES;
    this.#buffer = new ArrayBuffer(this.#promptOffset + (ownsPrompt ? promptBytes : 0));
    this.#logprobs.set(logprobs);
    this.outputIds.set(outputIds);
    if (ownsPrompt) this.#writePrompt(turn);
  }

  get promptIds(): Uint32Array {
    const { buffer, idsOffset, promptTokens } = this.#prompt;
    return new Uint32Array(buffer, idsOffset, promptTokens);
  }

  get promptRuns(): readonly PromptRun[] {
    const { buffer, idsOffset, promptTokens } = this.#prompt;
    const numbers = new Uint32Array(buffer, idsOffset + promptTokens * ID_BYTES);
    return Array.from({ length: numbers.length / 2 }, (_, run) => ({
      tokens: numbers[2 * run]!,
      provenance: String.fromCharCode(numbers[2 * run + 1]!) as PromptRun["provenance"],
    }));
  }

  get outputIds(): Uint32Array {
    return new Uint32Array(this.#buffer, this.#sampledTokens * this.#logprobBytes, this.#sampledTokens);
  }

  get logprobs(): Float64Array {
    const logprobs = this.#logprobs;
    return logprobs instanceof Float64Array ? logprobs : Float64Array.from(logprobs);
  }

  get sampledRuns(): readonly SampledRun[] {
    const versions = this.#versions;
    if (typeof versions === "object" && versions !== null) return versions;
    return [{ tokens: this.#sampledTokens, version: versions }];
  }

  get postedHash(): string {
    const { buffer, idsOffset } = this.#prompt;
    return new Uint8Array(buffer, idsOffset - HASH_BYTES, HASH_BYTES).toHex();
  }

  /** Bytes of the turn's own buffer. */
  get bufferBytes(): number {
    return this.#buffer.byteLength;
  }

  get #logprobs(): Float32Array | Float64Array {
    const Numbers = this.#logprobBytes === 4 ? Float32Array : Float64Array;
    return new Numbers(this.#buffer, 0, this.#sampledTokens);
  }

  get #promptOffset(): number {
    return this.#sampledTokens * (this.#logprobBytes + ID_BYTES);
  }

  get #prompt(): { buffer: ArrayBuffer; idsOffset: number; promptTokens: number } {
    const owner = this.#promptOwner;
    const idsOffset = owner.#promptOffset + HASH_BYTES;
    return { buffer: owner.#buffer, idsOffset, promptTokens: owner.#promptTokens };
  }

  #writePrompt({ postedHash, promptIds, promptRuns }: Turn): void {
    const { buffer, idsOffset } = this.#prompt;
    new Uint8Array(buffer, idsOffset - HASH_BYTES, HASH_BYTES).set(Uint8Array.fromHex(postedHash));
    const numbers = new Uint32Array(buffer, idsOffset);
    numbers.set(promptIds);
    promptRuns.forEach(({ tokens, provenance }, run) => {
      numbers.set([tokens, provenance.charCodeAt(0)], promptIds.length + 2 * run);
    });
  }
}

function isSingle(value: number): boolean {
  return Object.is(Math.fround(value), value);
}

/** One run over all tokens needs no list. */
function versionsOf({ sampledRuns, outputIds }: Turn): WeightVersion | null | readonly SampledRun[] {
  const [first] = sampledRuns;
  const isOne = sampledRuns.length === 1 && first!.tokens === outputIds.length;
  return isOne ? first!.version : sampledRuns;
}
