/**
 * Text completions as they are sampled.
 *
 * @module
 */
import { mergeAsync } from "../../sync/merge_async.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { DONE_FRAME, sseFrame } from "../chat/chat_chunks.ts";
import { type ChunkBytes, joined } from "../chat/chat_stream.ts";
import type { Completion, PromptRun } from "./completion.ts";
import { CompletionWriter } from "./completion_reply.ts";

/**
 * The bytes of a streamed reply. Each prompt's output is recorded before its last chunk.
 *
 * @param errorBody an error in OpenAI's shape, for failures after the first byte
 */
export async function* completionStream(
  completion: Completion,
  tokenizer: Tokenizer,
  errorBody: (error: unknown) => object,
): AsyncGenerator<ChunkBytes, void> {
  const writer = new CompletionWriter(completion, tokenizer);
  let hasBegun = false;
  try {
    for await (const chunks of mergeAsync(completion.runs.map((run) => chunksOf(run, writer)))) {
      if (chunks.length === 0) continue;
      hasBegun = true;
      yield { bytes: joined(chunks.map(sseFrame)), isLast: false };
    }
    const usage = completion.request.includeUsage ? [sseFrame(writer.usage())] : [];
    yield { bytes: joined([...usage, DONE_FRAME]), isLast: true };
  } catch (error) {
    if (!hasBegun) throw error;
    yield { bytes: joined([sseFrame(errorBody(error)), DONE_FRAME]), isLast: false };
  }
}

async function* chunksOf(run: PromptRun, writer: CompletionWriter): AsyncGenerator<object[], void> {
  for await (const deltas of run.deltas()) {
    yield deltas.flatMap((delta) => writer.delta(delta) ?? []);
  }
  yield (await run.finish()).map((end) => writer.finish(end));
}
