/**
 * Entry of the Web Worker that encodes long texts. Started by `encode_pool.ts`.
 *
 * @module
 */
import { createBackend, type EncodeBackend } from "./backend.ts";
import type { EncodeReply, EncodeRequest } from "./encode_protocol.ts";
import { parseJsonObject, readTokenizerFile } from "./tokenizer_file.ts";

/** The part of a worker's global scope that this file uses. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<EncodeRequest>) => void) | null;
  postMessage(message: EncodeReply, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
let backend: EncodeBackend | null = null;

scope.onmessage = async function onEncodeRequest({ data: request }) {
  try {
    if (request.type === "start") {
      backend = await start(request);
      return scope.postMessage({ type: "ready" });
    }
    if (backend === null) throw new Error("the worker was not started");
    const ids = transferable(backend.encode(request.text));
    scope.postMessage({ type: "ids", ids }, [ids.buffer]);
  } catch (error) {
    scope.postMessage({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};

function start(request: EncodeRequest & { type: "start" }): Promise<EncodeBackend> {
  const json = parseJsonObject(new TextDecoder().decode(request.file), request.source);
  return createBackend(request.backend, readTokenizerFile(json, request.source, request.file));
}

/** The ids over a buffer of their own, of just their length. */
function transferable(ids: Uint32Array): Uint32Array<ArrayBuffer> {
  const ownsBuffer = ids.buffer instanceof ArrayBuffer && ids.byteLength === ids.buffer.byteLength;
  return ownsBuffer ? ids as Uint32Array<ArrayBuffer> : new Uint32Array(ids);
}
