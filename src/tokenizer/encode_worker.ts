/**
 * Entry of the Web Worker that encodes long texts. Started by `encode_pool.ts`.
 *
 * @module
 */
import { idsToDigits } from "./id_digits.ts";
import type { SplicePoint } from "../trie/token_trie.ts";
import { createBackend, type EncodeBackend } from "./backend.ts";
import type { EncodeReply, EncodeRequest, WireText } from "./encode_protocol.ts";
import { SplicePointFinder } from "./splice_points.ts";
import { outlineOf, parseJsonObject, readTokenizerFile, type TokenizerOutline } from "./tokenizer_file.ts";

/** The part of a worker's global scope that this file uses. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<EncodeRequest>) => void) | null;
  postMessage(message: EncodeReply, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
let started: Started | null = null;

/** What texts are encoded with. */
interface Started {
  readonly backend: EncodeBackend;
  readonly splices: SplicePointFinder;
}

scope.onmessage = async function onEncodeRequest({ data: request }) {
  try {
    if (request.type === "start") {
      started = await start(request);
      return scope.postMessage({ type: "ready" });
    }
    if (started === null) throw new Error("the worker was not started");
    const encoded = encode(started, request);
    const { ids, idDigits, splicePoints } = encoded;
    scope.postMessage({ type: "ids", encoded }, [ids.buffer, idDigits.buffer, splicePoints.buffer]);
  } catch (error) {
    scope.postMessage({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};

async function start({ from }: EncodeRequest & { type: "start" }): Promise<Started> {
  if (from.form === "compiled") {
    const { createCompiledKitoken } = await import("./compiled_kitoken.ts");
    return withSplices(createCompiledKitoken(from.compiled), from.compiled.outline);
  }
  const json = parseJsonObject(new TextDecoder().decode(from.file), from.source);
  const file = readTokenizerFile(json, from.source, from.file);
  return withSplices(await createBackend(from.backend, file), outlineOf(file));
}

function withSplices(backend: EncodeBackend, outline: TokenizerOutline): Started {
  return { backend, splices: new SplicePointFinder(outline) };
}

function encode(
  { backend, splices }: Started,
  { text, anchor, isPrompt }: EncodeRequest & { type: "encode" },
): WireText {
  const all = backend.encode(anchor + text);
  const ids = transferable(anchor === "" ? all : all.subarray(1));
  if (!isPrompt) return { ids, idDigits: new Uint8Array(), splicePoints: new Uint32Array() };
  return { ids, idDigits: idsToDigits(ids).slice(), splicePoints: flatten(splices.find(text, ids)) };
}

function flatten(points: readonly SplicePoint[]): Uint32Array<ArrayBuffer> {
  const flat = new Uint32Array(2 * points.length);
  points.forEach(({ byteOffset, tokenIndex }, index) => {
    flat[2 * index] = byteOffset;
    flat[2 * index + 1] = tokenIndex;
  });
  return flat;
}

/** The ids over a buffer of their own, of just their length. */
function transferable(ids: Uint32Array): Uint32Array<ArrayBuffer> {
  const ownsBuffer = ids.buffer instanceof ArrayBuffer && ids.byteLength === ids.buffer.byteLength;
  return ownsBuffer ? ids as Uint32Array<ArrayBuffer> : new Uint32Array(ids);
}
