/**
 * A chat reply as it is sampled.
 *
 * @module
 */
import type { Exchange } from "../exchange.ts";
import { ChunkWriter, DONE_FRAME, sseFrame } from "./chat_chunks.ts";
import { usageOf } from "./chat_reply.ts";
import type { ChatTurn } from "./chat_turn.ts";

/** Bytes for the client. */
export interface ChunkBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Nothing follows, and everything went well. */
  readonly isLast: boolean;
}

/**
 * The bytes of a streamed reply. The turn is recorded before the last of them.
 *
 * @param errorBody an error in OpenAI's shape, for failures after the first byte
 */
export async function* chatStream(
  turn: ChatTurn,
  errorBody: (error: unknown) => object,
): AsyncGenerator<ChunkBytes, void> {
  const { stamp, promptIdsToTell: promptIds, request, plan, sampling } = turn;
  const writer = new ChunkWriter({ stamp, promptIds, includeUsage: request.includeUsage });
  let hasBegun = false;
  try {
    for await (const deltas of sampling.deltas()) {
      const chunks = deltas.flatMap((delta) => writer.delta(turn.choices[delta.index]!.push(delta)));
      if (chunks.length === 0) continue;
      hasBegun = true;
      yield { bytes: joined(chunks.map(sseFrame)), isLast: false };
    }
    const committed = await turn.commit();
    const chunks = committed.flatMap(({ choice, end, turn: recorded }) => [
      ...writer.delta({
        index: choice.index,
        events: end.events,
        tokenIds: new Uint32Array(),
        logprobs: request.logprobs ? [] : null,
      }),
      writer.finish(choice.index, end.finishReason, turn.note([recorded])),
    ]);
    if (request.includeUsage) chunks.push(writer.usage(usageOf(plan.fullIds.length, sampling.outputs)));
    yield { bytes: joined([...chunks.map(sseFrame), DONE_FRAME]), isLast: true };
  } catch (error) {
    if (!hasBegun) throw error;
    yield { bytes: joined([sseFrame(errorBody(error)), DONE_FRAME]), isLast: false };
  }
}

/**
 * The body of a streamed reply. Pulls from the engine only as fast as the client reads, and ends the exchange.
 *
 * @param first what was read before the reply's head went out
 * @param onLast told when the last byte was handed over
 */
export function chunkBody(
  first: ChunkBytes,
  chunks: AsyncGenerator<ChunkBytes, void>,
  exchange: Exchange,
  onLast: () => void,
): ReadableStream<Uint8Array> {
  let pending: ChunkBytes | null = first;
  let isEnded = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next: ChunkBytes | undefined = pending ?? (await chunks.next()).value ?? undefined;
        pending = null;
        if (isEnded) return;
        if (next !== undefined) {
          controller.enqueue(next.bytes);
          if (next.isLast) onLast();
          return;
        }
        isEnded = true;
        exchange.end("done");
        controller.close();
      } catch (error) {
        if (isEnded) return;
        isEnded = true;
        exchange.end("upstream failed");
        controller.error(error);
      }
    },
    async cancel() {
      isEnded = true;
      exchange.clientLeft();
      await chunks.return().catch(() => {});
    },
  }, { highWaterMark: 0 });
}

/** Pieces as one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
