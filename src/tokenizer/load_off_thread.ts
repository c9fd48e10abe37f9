/**
 * Loading a large byte-level BPE with two short-lived workers. One lets kitoken read the file and serialise itself; the
 * other reads the file as JSON, lays out the tables and encodes the probes with the backend that kitoken is compared with.
 * The caller's thread gets the results, and makes kitoken of its serialised form: of Qwen3 some 100 MB stay where loading
 * in place leaves 340, once V8 has given back the pages of the workers that ended; the event loop turns meanwhile.
 *
 * @module
 */
import { TokenizerLoadError } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import type { EncodeBackend } from "./backend.ts";
import type { TokenizerTables } from "./backed_tokenizer.ts";
import { compareWithProbes } from "./choose_backend.ts";
import { type CompiledKitoken, createCompiledKitoken } from "./compiled_kitoken.ts";
import type { LoadReply, LoadRequest, ProbeAnswers, Survey } from "./load_protocol.ts";
import { TokenBytes } from "./token_bytes.ts";
import { isByteLevelBpe, type TokenizerOutline } from "./tokenizer_file.ts";
import { VocabularyIndex } from "./vocabulary_index.ts";

/** Smaller files are loaded in place: starting two workers takes longer. */
export const LOAD_OFF_THREAD_MIN_BYTES = 1024 * 1024;

/** What is to be loaded. */
export interface OffThreadRequest {
  readonly source: string;
  /** `tokenizer.json` as UTF-8; copied to the workers. */
  readonly file: Uint8Array<ArrayBuffer>;
  readonly config: JsonObject | null;
  readonly backend: "auto" | "kitoken";
}

/** What came of it: a tokenizer's parts, or why the backend must be made in place. */
export type OffThreadResult =
  | {
    readonly outcome: "kitoken";
    readonly tables: TokenizerTables;
    readonly backend: EncodeBackend;
    readonly compiled: CompiledKitoken;
    readonly reason: string;
  }
  | { readonly outcome: "other backend"; readonly reason: string };

/**
 * Loads in workers.
 *
 * @throws {TokenizerLoadError} when the file is malformed, or kitoken does not read it and was asked for
 */
export async function loadOffThread(request: OffThreadRequest): Promise<OffThreadResult> {
  const { source, file, config, backend } = request;
  const compares = backend === "auto";
  using surveyor = new LoadWorker({ job: "survey", source, file, config, compares });
  // Begun before it is known whether kitoken is wanted, and whether it is to read the file as it is: both are so mostly.
  using eager = new LoadWorker({ job: "serialise", file });
  const { survey } = await surveyor.next("surveyed");
  const { outline, kitokenInput } = survey;
  if (compares && !isByteLevelBpe(outline)) {
    return { outcome: "other backend", reason: `${outline.modelType}, not byte-level BPE` };
  }
  if (kitokenInput !== null) eager.end();
  using mended = kitokenInput === null ? null : new LoadWorker({ job: "serialise", file: kitokenInput });
  const [serialised, { probes, packedFile }] = await Promise.all([
    serialisedBy(mended ?? eager, outline),
    surveyor.next("compared"),
  ]);
  if (!(serialised instanceof Error)) return compare(survey, { outline, serialised, packedFile }, probes);
  if (!compares || probes.state !== "encoded") throw serialised;
  return { outcome: "other backend", reason: serialised.message };
}

/** Makes kitoken here and compares it, so that its way through the serialised form is compared too. */
function compare(survey: Survey, compiled: CompiledKitoken, probes: ProbeAnswers): OffThreadResult {
  const backend = createCompiledKitoken(compiled);
  const { agrees, reason } = compareWithProbes(backend, probes);
  if (!agrees) {
    backend.close();
    return { outcome: "other backend", reason };
  }
  const tables = {
    outline: compiled.outline,
    bytes: new TokenBytes(survey.bytes),
    vocabulary: new VocabularyIndex(survey.vocabulary),
  };
  return { outcome: "kitoken", tables, backend, compiled, reason };
}

async function serialisedBy(
  worker: LoadWorker,
  { source }: TokenizerOutline,
): Promise<Uint8Array<ArrayBuffer> | TokenizerLoadError> {
  try {
    return (await worker.next("serialised")).serialised;
  } catch (error) {
    const message = `Cannot load tokenizer: kitoken does not read ${source} (${(error as Error).message})`;
    return new TokenizerLoadError(message, { cause: error });
  }
}

/** A worker with one job. */
class LoadWorker {
  readonly #worker: Worker;
  readonly #replies: LoadReply[] = [];
  #wake: (() => void) | null = null;

  constructor(request: LoadRequest) {
    this.#worker = new Worker(new URL("./load_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<LoadReply>) => this.#take(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#take({ type: "failed", message: event.message, isRefusal: false });
    };
    this.#worker.postMessage(request);
  }

  /** The next reply, which is of this type. @throws {Error} when the job failed */
  async next<T extends LoadReply["type"]>(type: T): Promise<LoadReply & { type: T }> {
    while (this.#replies.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    const reply = this.#replies.shift()!;
    if (reply.type === "failed") {
      throw reply.isRefusal ? new TokenizerLoadError(reply.message) : new Error(reply.message);
    }
    if (reply.type !== type) {
      throw new Error(`Cannot load tokenizer: its worker said ${reply.type}, not ${type}`);
    }
    return reply as LoadReply & { type: T };
  }

  end(): void {
    this.#worker.terminate();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #take(reply: LoadReply): void {
    this.#replies.push(reply);
    this.#wake?.();
  }
}
