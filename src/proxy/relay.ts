/**
 * Passes a reply's bytes on, unchanged and in time, while a tap reads along.
 *
 * @module
 */
import type { BodyReader, WorkerReply } from "../types.ts";

/** Reads along. */
export interface Tap {
  /** Sees each chunk before the client does; the chunk is passed on when the promise, if any, resolves. */
  onChunk?(chunk: Uint8Array): void | Promise<void>;
  /** Called once, and nothing after it: the reply came to its end, failed, or the client left. */
  onEnd(end: "done" | "upstream failed" | "client left"): void;
}

/** A reply's body of which some chunks may have been read already. */
export interface OpenBody {
  readonly first: readonly Uint8Array[];
  /** null when `first` is all there is. */
  readonly reader: BodyReader | null;
}

/** Reads a reply's body as it comes; null when there is none. */
export function readerOf(reply: WorkerReply): BodyReader | null {
  return reply.reader?.() ?? reply.body?.getReader() ?? null;
}

/**
 * The body for the client. Pulls from the worker only as fast as the client reads.
 *
 * @param waitForWorker wraps each wait for the worker, e.g. to time it
 */
export function relayBody(
  body: OpenBody,
  tap: Tap,
  waitForWorker: <T>(wait: Promise<T>) => Promise<T> = (wait) => wait,
): ReadableStream<Uint8Array> {
  const pending = [...body.first];
  const { reader } = body;
  let isEnded = false;
  const end = (how: Parameters<Tap["onEnd"]>[0]) => {
    isEnded = true;
    tap.onEnd(how);
  };
  const letGo = async (reason: unknown) => void await reader?.cancel(reason).catch(() => {});
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = pending.shift() ??
          (reader === null ? undefined : (await waitForWorker(reader.read())).value);
        if (isEnded) return;
        const seen = chunk === undefined ? undefined : tap.onChunk?.(chunk);
        if (seen !== undefined) await seen;
        if (isEnded) return;
        if (chunk !== undefined) return controller.enqueue(chunk);
        end("done");
        controller.close();
      } catch (error) {
        if (isEnded) return;
        end("upstream failed");
        controller.error(error);
        await letGo(error);
      }
    },
    async cancel(reason) {
      if (!isEnded) end("client left");
      await letGo(reason);
    },
  }, { highWaterMark: 0 });
}
