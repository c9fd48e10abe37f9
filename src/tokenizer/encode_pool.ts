/**
 * Encoding off the event loop: a queue before one Web Worker, which is started when first needed and started anew after
 * a failure.
 *
 * @module
 */
import { RouterError } from "../errors.ts";
import type { EncodeReply, EncodeRequest, EncodeSource, WireText } from "./encode_protocol.ts";

/** Most texts that wait for the worker, the one in work included. */
export const ENCODE_QUEUE_MAX = 1024;

/** Most UTF-16 units that wait for the worker in all: 256 MiB of text at the most. */
export const ENCODE_QUEUE_MAX_UNITS = 128 * 1024 * 1024;

/** An aborted text longer than this is not waited for: its worker is ended, some seconds of work with it. */
export const ENCODE_ABANDON_UNITS = 1024 * 1024;

/** What starts a worker. Tests pass a double. */
export type SpawnEncodeWorker = () => EncodeWorkerLike;

/** The part of `Worker` the pool uses. */
export interface EncodeWorkerLike {
  onmessage: ((event: MessageEvent<EncodeReply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(message: EncodeRequest, transfer?: Transferable[]): void;
  terminate(): void;
}

/** How a text is to be encoded. */
export interface EncodePoolOptions {
  /** See {@link EncodeRequest}. Default none. */
  readonly anchor?: string;
  /** Default false. */
  readonly isPrompt?: boolean;
  readonly signal?: AbortSignal;
}

interface Job {
  readonly text: string;
  readonly anchor: string;
  readonly isPrompt: boolean;
  readonly resolve: (encoded: WireText) => void;
  readonly reject: (reason: unknown) => void;
  /** Stops listening to the job's abort signal. */
  readonly settle: () => void;
}

/** One worker and the texts that wait for it. */
export class EncodePool {
  readonly #source: EncodeSource;
  readonly #spawn: SpawnEncodeWorker;
  /** Waiting texts, oldest first; the worker has none of them yet. */
  readonly #waiting = new Set<Job>();
  #waitingUnits = 0;
  /** The text the worker has; null while it is idle. An aborted one stays until the worker is through with it. */
  #inWork: Job | null = null;
  #worker: EncodeWorkerLike | null = null;
  #isReady = false;
  #isClosed = false;

  constructor(source: EncodeSource, spawn: SpawnEncodeWorker = spawnEncodeWorker) {
    this.#source = source;
    this.#spawn = spawn;
  }

  /** Starts the worker now instead of with the first text. */
  start(): void {
    if (this.#worker !== null || this.#isClosed) return;
    const worker = this.#spawn();
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#onReply(worker, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#onFailure(worker, event.message);
    };
    worker.postMessage({ type: "start", from: this.#source });
  }

  /**
   * Ids of `text`, encoded by the worker, and for a prompt its digits and splice points.
   *
   * @throws {RouterError} `tokenizer_busy` (503) when too much waits, `tokenizer_failed` (500) when the worker fails or the
   * pool is closed
   * @throws the reason of `signal` when it aborts first
   */
  encode(text: string, options: EncodePoolOptions = {}): Promise<WireText> {
    const { anchor = "", isPrompt = false, signal } = options;
    const refusal = this.#refusal(text);
    if (refusal !== null) return Promise.reject(refusal);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#abandon(job);
        reject(signal!.reason);
      };
      const settle = () => signal?.removeEventListener("abort", onAbort);
      const job: Job = { text, anchor, isPrompt, resolve, reject, settle };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(job);
      this.#waitingUnits += text.length;
      this.#next();
    });
  }

  /** Stops the worker; what waits is rejected. */
  close(): void {
    this.#isClosed = true;
    this.#stop("the tokenizer is closed");
  }

  #refusal(text: string): RouterError | null {
    if (this.#isClosed) return failure("the tokenizer is closed");
    const count = this.#waiting.size + (this.#inWork === null ? 0 : 1);
    if (count < ENCODE_QUEUE_MAX && this.#waitingUnits + text.length <= ENCODE_QUEUE_MAX_UNITS) return null;
    return new RouterError(
      `Cannot encode ${text.length} characters: ${count} texts of ${this.#waitingUnits} characters wait already`,
      "tokenizer_busy",
      503,
    );
  }

  /** Hands the oldest waiting text to the worker, if it is free. */
  #next(): void {
    if (this.#inWork !== null) return;
    const [job] = this.#waiting;
    if (job === undefined) return;
    this.start();
    if (!this.#isReady) return;
    this.#drop(job);
    this.#inWork = job;
    const { text, anchor, isPrompt } = job;
    this.#worker!.postMessage({ type: "encode", text, anchor, isPrompt });
  }

  /** Takes an aborted text out of the queue, or from the worker when it would keep the worker for long. */
  #abandon(job: Job): void {
    this.#drop(job);
    if (job !== this.#inWork || job.text.length <= ENCODE_ABANDON_UNITS) return;
    this.#endWorker();
    this.#next();
  }

  #endWorker(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#isReady = false;
    this.#inWork = null;
  }

  #drop(job: Job): void {
    if (this.#waiting.delete(job)) this.#waitingUnits -= job.text.length;
  }

  #onReply(worker: EncodeWorkerLike, reply: EncodeReply): void {
    if (worker !== this.#worker) return;
    if (reply.type === "failed") return this.#onFailure(worker, reply.message);
    if (reply.type === "ready") {
      this.#isReady = true;
    } else {
      const job = this.#inWork;
      this.#inWork = null;
      job?.settle();
      job?.resolve(reply.encoded);
    }
    this.#next();
  }

  #onFailure(worker: EncodeWorkerLike, message: string): void {
    if (worker === this.#worker) this.#stop(`the tokenizer's worker failed (${message})`);
  }

  /** Ends the worker and rejects everything that waits for it. The next text starts another worker. */
  #stop(reason: string): void {
    const jobs = this.#inWork === null ? [...this.#waiting] : [this.#inWork, ...this.#waiting];
    this.#endWorker();
    this.#waiting.clear();
    this.#waitingUnits = 0;
    for (const job of jobs) {
      job.settle();
      job.reject(failure(reason));
    }
  }
}

/** Starts `encode_worker.ts`. */
export function spawnEncodeWorker(): EncodeWorkerLike {
  return new Worker(new URL("./encode_worker.ts", import.meta.url), { type: "module" });
}

function failure(reason: string): RouterError {
  return new RouterError(`Cannot encode: ${reason}`, "tokenizer_failed", 500);
}
