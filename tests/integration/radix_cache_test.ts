import assert from "node:assert/strict";
import { chatPrompt, createHarness } from "../support/router_harness.ts";

const PARAMS = { sampling_params: { max_new_tokens: 24 } };

Deno.test("/generate: turn 2 sends exactly the tokens that turn 1 sent and sampled, then the new ones", async () => {
  await using h = await createHarness({
    engine: { splitProbability: 1, script: () => "HAVING the json, hello world" },
  });
  const prompt = chatPrompt("hello world");
  const first = await h.postOk("/generate", { text: prompt, ...PARAMS });
  const stop = "<|im_end|>";
  const next = chatPrompt("HAVING json", `${prompt}${first.text}${stop}\n`);
  await h.postOk("/generate", { text: next, ...PARAMS });
  const [one, two] = h.generateBodies().map((body) => body.input_ids as number[]);
  const known = [...one!, ...(first.output_ids as number[])];
  assert.deepEqual(two!.slice(0, known.length), known);
  assert.equal(h.loaded.tokenizer.decode(two!), next);
  assert.notDeepEqual([...h.loaded.tokenizer.encode(next)], two);
});
