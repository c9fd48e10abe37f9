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

async function start({ from }: EncodeRequest & { type: "start" }): Promise<EncodeBackend> {
  if (from.form === "compiled") {
    return (await import("./compiled_kitoken.ts")).createCompiledKitoken(from.compiled);
  }
  const json = parseJsonObject(new TextDecoder().decode(from.file), from.source);
  return await createBackend(from.backend, readTokenizerFile(json, from.source, from.file));
}

/** The ids over a buffer of their own, of just their length. */
function transferable(ids: Uint32Array): Uint32Array<ArrayBuffer> {
  const ownsBuffer = ids.buffer instanceof ArrayBuffer && ids.byteLength === ids.buffer.byteLength;
  return ownsBuffer ? ids as Uint32Array<ArrayBuffer> : new Uint32Array(ids);
}
