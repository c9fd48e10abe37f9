/**
 * The engine without its HTTP face: starts, runs and aborts generations.
 *
 * @module
 */
import { BadRequestError } from "../../errors.ts";
import { systemClock } from "../../sync/clock.ts";
import type { Clock, Random } from "../../types.ts";
import { createFaults, type DrawnFaults, type SimulatedFaults } from "./faults.ts";
import type { GenerateItem } from "./generate_request.ts";
import { Generation, type GenerationHost } from "./generation.ts";
import { KvCache } from "./kv_cache.ts";
import type { SimulatedEngineOptions } from "./options.ts";
import { createRandom, hashIds, hashPair, mix32 } from "./random.ts";
import { buildReply, type FrameOffset, type WireReply } from "./reply.ts";
import { Sampler } from "./sampler.ts";
import { Scheduler } from "./scheduler.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Settings with their defaults filled in. */
export type CoreOptions =
  & Required<Omit<SimulatedEngineOptions, "chatTemplate" | "script" | "requestLogMax">>
  & {
    readonly script: NonNullable<SimulatedEngineOptions["script"]> | null;
  };

/** Fills in the defaults that `SimulatedEngineOptions` documents. */
export function coreOptions(options: SimulatedEngineOptions, vocabulary: Vocabulary): CoreOptions {
  return {
    protocol: "sglang",
    seed: 0,
    clock: systemClock,
    latency: null,
    faults: {},
    incrementalStreaming: false,
    streamIntervalTokens: 1,
    weightVersion: "default",
    reportVersionSpans: true,
    splitProbability: 0.1,
    stopTokenId: vocabulary.stopIds()[0] ?? null,
    linesMax: 3,
    contextLength: 131_072,
    runningMax: 1_024,
    kvCacheTokens: 1_048_576,
    startupMs: 0,
    modelPath: "simulated",
    ...options,
    script: options.script ?? null,
  };
}

/** Generations and what they share: scheduler, prefix cache, weights, faults. */
export class EngineCore implements GenerationHost {
  readonly options: CoreOptions;
  readonly vocabulary: Vocabulary;
  readonly scheduler: Scheduler;
  readonly kvCache: KvCache;
  readonly faults: SimulatedFaults;
  /** Decides which requests faults strike, and where bodies are cut. */
  readonly faultRandom: Random;
  weightVersion: string;
  generatedTokens = 0;
  completed = 0;
  aborted = 0;
  readonly #sampler: Sampler;
  readonly #engineStopIds: readonly number[];
  readonly #live = new Map<string, Generation>();
  /** Those that wait for a place among the running, until they have it. */
  readonly #places = new Map<Generation, Promise<void>>();
  readonly #seeds = new WeakMap<Generation, number>();
  #ordinal = 0;
  #rids = 0;

  constructor(options: SimulatedEngineOptions) {
    this.vocabulary = new Vocabulary(options.tokenizer);
    this.options = coreOptions(options, this.vocabulary);
    const { latency, runningMax, kvCacheTokens, stopTokenId, splitProbability, linesMax, seed } =
      this.options;
    this.scheduler = new Scheduler({ clock: this.clock, latency, runningMax });
    this.kvCache = new KvCache(kvCacheTokens);
    this.faults = createFaults(this.options.faults);
    this.faultRandom = createRandom(mix32(seed ^ 0xfa17));
    this.weightVersion = this.options.weightVersion;
    this.#engineStopIds = stopTokenId === null ? [] : [stopTokenId, ...this.vocabulary.stopIds()];
    this.#sampler = new Sampler({
      vocabulary: this.vocabulary,
      stopId: stopTokenId,
      splitProbability,
      linesMax,
    });
  }

  get clock(): Clock {
    return this.options.clock;
  }

  /** A request id that no other has, as long as clients choose none of this form. */
  newRid(): string {
    const id = hashPair(this.options.seed, this.#rids).toString(16).padStart(8, "0");
    return `sim-${id}-${(this.#rids++).toString(16).padStart(8, "0")}`;
  }

  /** Begins a generation: it runs, waits for a place, or has ended already. `run()` brings it forward. */
  start(item: GenerateItem, faults: DrawnFaults): Generation {
    if (this.#live.has(item.rid)) {
      throw new BadRequestError(`Cannot generate: request ${JSON.stringify(item.rid)} is already running`);
    }
    const seed = this.#seedOf(item);
    const ordinal = this.#ordinal++;
    const scripted = this.options.script?.({ text: item.promptText, ids: item.promptIds, ordinal }) ??
      item.constrained ?? undefined;
    const stopIds = new Set([...this.#engineStopIds, ...item.stopTokenIds]);
    const sample = this.#sampler.sample(seed, { ...item, stopIds }, scripted);
    const cachedTokens = this.#cachedTokens(item);
    const generation = new Generation(this, {
      item,
      sample,
      cachedTokens,
      faults,
      startedMs: this.clock.now(),
    });
    this.#seeds.set(generation, seed);
    if (!generation.ended) this.#admit(generation);
    return generation;
  }

  /** Runs `generation` until it has sampled `tokens` in all, or ended. Undefined when that took no waiting. */
  run(generation: Generation, tokens = Infinity): Promise<void> | undefined {
    const place = this.#places.get(generation);
    if (place !== undefined) return place.then(() => this.run(generation, tokens));
    while (!generation.ended && generation.revealed < tokens) {
      const turn = this.scheduler.turn(generation);
      if (turn !== undefined) return this.#runLater(generation, tokens, turn);
      generation.reveal();
    }
    return undefined;
  }

  #admit(generation: Generation): void {
    this.#live.set(generation.item.rid, generation);
    const place = this.scheduler.enter(generation);
    if (place !== undefined) {
      this.#places.set(
        generation,
        place.then(() => void this.#places.delete(generation)),
      );
    }
  }

  async #runLater(generation: Generation, tokens: number, turn: Promise<void>): Promise<void> {
    await turn;
    if (!generation.ended) generation.reveal();
    while (!generation.ended && generation.revealed < tokens) {
      await this.scheduler.turn(generation);
      if (!generation.ended) generation.reveal();
    }
  }

  /** Aborts what runs or waits under a rid that begins with `prefix`; returns how many. */
  abort(prefix: string, message = "Aborted"): number {
    const matched = [...this.#live.values()].filter(({ item }) => item.rid.startsWith(prefix));
    for (const generation of matched) generation.abort(message);
    return matched.length;
  }

  /** The reply of `generation` as it stands, from `offset` on. */
  reply(generation: Generation, offset?: FrameOffset): WireReply {
    const options = {
      vocabulary: this.vocabulary,
      sampler: this.#sampler,
      seed: this.#seeds.get(generation) ?? 0,
      weightVersion: this.weightVersion,
      reportVersionSpans: this.options.reportVersionSpans,
      nowMs: this.clock.now(),
    };
    return buildReply(generation, options, offset);
  }

  countToken(): void {
    this.generatedTokens++;
  }

  /** A version that is a number counts up; any other gets a number appended. */
  nextVersion(): string {
    const [, name, digits] = /^(.*?)(\d*)$/s.exec(this.weightVersion)!;
    return digits === "" ? `${name}-1` : `${name}${BigInt(digits!) + 1n}`;
  }

  ended(generation: Generation): void {
    this.#live.delete(generation.item.rid);
    this.scheduler.leave(generation);
    if (generation.finish?.type === "abort") this.aborted++;
    else this.completed++;
    if (generation.prefillTokens === 0) this.kvCache.insert(generation.cacheable());
  }

  /** Greedy and seeded requests repeat; any other samples anew each time. */
  #seedOf(item: GenerateItem): number {
    const prompt = hashIds(item.promptIds, this.options.seed);
    const copy = item.index ?? 0;
    if (item.temperature === 0) return prompt;
    if (item.seed !== null) return hashPair(hashPair(prompt, item.seed | 0), copy);
    return hashPair(prompt, this.#ordinal + 1);
  }

  /** The last prompt token is always computed, and so are those whose log-probability is wanted. */
  #cachedTokens({ promptIds, returnLogprob, logprobStartLen }: GenerateItem): number {
    if (this.kvCache.maxTokens === 0) return 0;
    const limit = returnLogprob && logprobStartLen >= 0 ? logprobStartLen : promptIds.length - 1;
    return Math.min(this.kvCache.match(promptIds), limit, promptIds.length - 1);
  }
}
