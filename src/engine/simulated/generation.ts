/**
 * One running request: the sample it reveals token by token, under which weight versions, and how it ended.
 *
 * @module
 */
import type { DrawnFaults } from "./faults.ts";
import type { GenerateItem } from "./generate_request.ts";
import { OutputText } from "./output_text.ts";
import type { Sample } from "./sampler.ts";
import type { Schedulable } from "./scheduler.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Why a generation ended, as SGLang writes it. */
export type WireFinishReason =
  | { readonly type: "stop"; readonly matched: number | string }
  | { readonly type: "length"; readonly length: number }
  | {
    readonly type: "abort";
    readonly message: string;
    readonly status_code?: number;
    readonly err_type?: string;
  };

/** Tokens `start` up to, not including, `end` were sampled under `version`. */
export interface VersionSpan {
  readonly version: string;
  readonly start: number;
  end: number;
}

/** The engine as a generation sees it. */
export interface GenerationHost {
  readonly vocabulary: Vocabulary;
  weightVersion: string;
  /** Counts one sampled token. */
  countToken(): void;
  /** The version after the present one. */
  nextVersion(): string;
  /** Called once, when `generation` has ended. */
  ended(generation: Generation): void;
}

/** What a generation starts from. */
export interface GenerationStart {
  readonly item: GenerateItem;
  readonly sample: Sample;
  readonly cachedTokens: number;
  readonly faults: DrawnFaults;
  readonly startedMs: number;
}

/** The state machine of one request. */
export class Generation implements Schedulable {
  readonly item: GenerateItem;
  readonly sample: Sample;
  readonly cachedTokens: number;
  readonly faults: DrawnFaults;
  readonly startedMs: number;
  readonly spans: VersionSpan[] = [];
  retractions = 0;
  finish: WireFinishReason | null = null;
  #prefillTokens: number;
  #revealed = 0;
  #abort: AbortController | null = null;
  #bumped = false;
  #aborted = false;
  readonly #host: GenerationHost;
  readonly #text: OutputText;

  constructor(host: GenerationHost, start: GenerationStart) {
    const { item, sample, cachedTokens } = start;
    this.item = item;
    this.sample = sample;
    this.cachedTokens = cachedTokens;
    this.faults = start.faults;
    this.startedMs = start.startedMs;
    this.#host = host;
    this.#prefillTokens = item.promptIds.length - cachedTokens;
    this.#text = new OutputText({ stop: item.stop, noStopTrim: item.noStopTrim });
    if (sample.ids.length === 0) this.#end(sample.finish);
  }

  /** Tokens sampled so far. */
  get revealed(): number {
    return this.#revealed;
  }

  get ended(): boolean {
    return this.finish !== null;
  }

  get prefillTokens(): number {
    return this.#prefillTokens;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The text so far; see `OutputText.text`. */
  get text(): string {
    return this.#text.text;
  }

  /** Prompt and what was sampled of the output, but for the last token, whose keys and values are not computed. */
  cacheable(): Uint32Array {
    const { promptIds } = this.item;
    const ids = new Uint32Array(promptIds.length + Math.max(0, this.#revealed - 1));
    ids.set(promptIds);
    for (let at = promptIds.length; at < ids.length; at++) ids[at] = this.sample.ids[at - promptIds.length]!;
    return ids;
  }

  prefilled(): void {
    this.#prefillTokens = 0;
  }

  retract(): void {
    this.retractions++;
    this.#prefillTokens = this.item.promptIds.length + this.#revealed;
  }

  abort(message: string, statusCode?: number): void {
    if (this.ended) return;
    const status = statusCode === undefined ? {} : { status_code: statusCode, err_type: "SimulatedError" };
    this.#aborted = true;
    this.#end({ type: "abort", message, ...status });
    this.#abort?.abort();
  }

  /** Samples the next token. To be called after a turn, while not ended. */
  reveal(): void {
    if (this.#struck()) return;
    const id = this.sample.ids[this.#revealed++]!;
    this.#host.countToken();
    this.#noteVersion();
    const isLast = this.#revealed === this.sample.ids.length;
    const stopString = this.#show(id, isLast);
    if (stopString !== null) this.#end({ type: "stop", matched: stopString });
    else if (isLast) this.#end(this.sample.finish);
  }

  /** Adds the token to the text. The matched stop token stays out unless the request asks for it. */
  #show(id: number, isLast: boolean): string | null {
    const { vocabulary } = this.#host;
    const isTrimmedStop = isLast && this.sample.finish.type === "stop" && !this.item.noStopTrim;
    if (isTrimmedStop) return null;
    if (this.item.skipSpecialTokens && vocabulary.isSpecial(id)) return null;
    return this.#text.push(vocabulary.bytesOf(id));
  }

  /** Applies the faults that are due before the next token. */
  #struck(): boolean {
    const { abortWaiting, abortRunning, abortRetracted, abortWithStatus, versionBump } = this.faults;
    const due = (afterTokens: number) => this.#revealed >= afterTokens;
    if (versionBump !== undefined && !this.#bumped && due(versionBump.afterTokens)) {
      this.#bumped = true;
      this.#host.weightVersion = versionBump.version ?? this.#host.nextVersion();
    }
    if (abortWaiting !== undefined) this.abort(abortWaiting.message);
    else if (abortRunning !== undefined && due(abortRunning.afterTokens)) this.abort(abortRunning.message);
    else if (abortRetracted !== undefined && due(abortRetracted.afterTokens)) {
      this.retractions++;
      this.abort(abortRetracted.message);
    } else if (abortWithStatus !== undefined && due(abortWithStatus.afterTokens)) {
      this.abort(abortWithStatus.message, abortWithStatus.status);
    }
    return this.ended;
  }

  #noteVersion(): void {
    const version = this.#host.weightVersion;
    const last = this.spans.at(-1);
    if (last?.version === version) last.end = this.#revealed;
    else this.spans.push({ version, start: this.#revealed - 1, end: this.#revealed });
  }

  #end(finish: WireFinishReason): void {
    this.finish = finish;
    this.#text.end();
    this.#host.ended(this);
  }
}
