/**
 * Entry of the Web Workers that load a tokenizer. What loading takes (the parsed file, two backends to compare) goes with
 * them when they end. Started by `load_off_thread.ts`.
 *
 * @module
 */
import { TokenizerLoadError } from "../errors.ts";
import { createBackend } from "./backend.ts";
import { answerProbes } from "./choose_backend.ts";
import { packFile } from "./compiled_kitoken.ts";
import { kitokenInput, serialiseKitoken } from "./kitoken.ts";
import type { LoadReply, LoadRequest, ProbeAnswers } from "./load_protocol.ts";
import { encodesPieceByPiece } from "./split_backend.ts";
import { TokenBytes } from "./token_bytes.ts";
import { withConfiguredTokens } from "./tokenizer_config.ts";
import { outlineOf, parseJsonObject, readTokenizerFile, type TokenizerFile } from "./tokenizer_file.ts";
import { VocabularyIndex } from "./vocabulary_index.ts";

/** The part of a worker's global scope that this file uses. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<LoadRequest>) => void) | null;
  postMessage(message: LoadReply, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = async function onLoadRequest({ data: request }) {
  try {
    if (request.job === "serialise") {
      const serialised = serialiseKitoken(request.file);
      scope.postMessage({ type: "serialised", serialised }, [serialised.buffer]);
    } else {
      await survey(request);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ type: "failed", message, isRefusal: error instanceof TokenizerLoadError });
  }
};

async function survey(request: LoadRequest & { job: "survey" }): Promise<void> {
  const { source, config, compares } = request;
  const json = parseJsonObject(new TextDecoder().decode(request.file), source);
  const file = withConfiguredTokens(readTokenizerFile(json, source, request.file), config ?? undefined);
  const input = kitokenInput(file, encodesPieceByPiece(file) ? "plain" : "find");
  scope.postMessage({
    type: "surveyed",
    survey: {
      outline: outlineOf(file),
      bytes: TokenBytes.fromFile(file).tables,
      vocabulary: VocabularyIndex.fromVocab(file.vocab).tables,
      kitokenInput: input === request.file ? null : input,
    },
  });
  const probes: ProbeAnswers = compares ? await encodeProbes(file) : { state: "not asked" };
  scope.postMessage({ type: "compared", probes, packedFile: packFile(file.bytes) });
}

async function encodeProbes(file: TokenizerFile): Promise<ProbeAnswers> {
  try {
    return answerProbes(await createBackend("huggingface", file), file);
  } catch (error) {
    if (!(error instanceof TokenizerLoadError)) throw error;
    return { state: "unreadable", message: error.message };
  }
}
