/**
 * Two turns of a conversation through a router process to a simulated engine process: the second prompt must reach the
 * engine as the first prompt's ids, the sampled ids, and new ones.
 *
 * @module
 */
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import type { startChild } from "./child.ts";

/** Runs the two turns. @throws Error when an id is not the one that was sampled */
export async function checkTurns(
  start: typeof startChild,
  tokenizer: Tokenizer,
  tokenizerPath: string,
): Promise<void> {
  const engine = await start("simulated_engine.ts", { settings: { tokenizer: tokenizerPath } });
  const router = await start("router_process.ts", {
    settings: { config: { workers: [engine.url], tokenizer: tokenizerPath } },
  });
  const generate = async (text: string) => {
    const response = await fetch(`${router.url}/generate`, {
      method: "POST",
      body: JSON.stringify({ text, sampling_params: { max_new_tokens: 48, skip_special_tokens: false } }),
    });
    const reply = await response.json() as { text: string; output_ids: number[] };
    const sent = await (await fetch(`${engine.url}/bench`)).json() as { input_ids: number[] };
    if (!response.ok || !Array.isArray(sent.input_ids)) {
      throw new Error("Cannot go on: no ids reached the engine");
    }
    return { text: reply.text, output: reply.output_ids, input: sent.input_ids };
  };
  const prompt = "<|im_start|>user\nList the files.<|im_end|>\n<|im_start|>assistant\n";
  const first = await generate(prompt);
  const history = [...first.input, ...first.output];
  const second = await generate(
    `${prompt}${first.text}\n<|im_start|>user\nGo on.<|im_end|>\n<|im_start|>assistant\n`,
  );
  const isKept = tokenizer.decode(first.input) === prompt && history.every((id, i) => second.input[i] === id);
  if (!isKept) throw new Error("Cannot go on: the second turn does not begin with the ids of the first");
}
