import { createEngineAdapter } from "../../src/engine/create.ts";
import type { SimulatedEngineOptions } from "../../src/engine/simulated/mod.ts";
import type { JsonObject, JsonValue } from "../../src/types.ts";
import { engineAdapterSuite, type WireEdits } from "../support/engine_adapter_suite.ts";

const metaOf = (reply: JsonObject) => reply.meta_info as JsonObject;
const triplesOf = (reply: JsonObject) => metaOf(reply).output_token_logprobs as JsonValue[][];
const idsOf = (reply: JsonObject) => reply.output_ids as number[];

const edits: WireEdits = {
  dropLogprobs: (reply) => void delete metaOf(reply).output_token_logprobs,
  contradictions: [
    ["another count", (reply) => void (metaOf(reply).completion_tokens = 23), /completion_tokens is 23/],
    ["an id changed", (reply) => void (idsOf(reply)[3] = 1), /differ at token 3/],
    ["an id missing", (reply) => void idsOf(reply).pop(), /output_ids are 23/],
    ["a triple missing", (reply) => void triplesOf(reply).pop(), /completion_tokens is 24, ids are 23/],
    [
      "versions that end early",
      (reply) => void (metaOf(reply).weight_versions = [{ version: "1", start: 0, end: 5 }]),
      /partition/,
    ],
  ],
  frameContradictions: [
    [
      "a frame lost",
      (frames) => void frames.forEach((frame, at) => at > 4 && (metaOf(frame).completion_tokens = at)),
      /completion_tokens is/,
    ],
    ["an id changed", (frames) => void (idsOf(frames.at(-1)!)[0] = 1), /differ/],
    ["another object last", (frames) => void frames.splice(-1, 1, { choices: [] }), /no generate reply/],
  ],
  idPlaces: [
    ["output_ids", (reply, id) => void (reply.output_ids = [id, ...idsOf(reply).slice(1)])],
    ["output_token_logprobs", (reply, id) => void (triplesOf(reply)[0]![1] = id)],
    ["output_top_logprobs", (reply, id) => {
      const lists = metaOf(reply).output_top_logprobs as JsonValue[][][];
      lists.at(-1)![1]![1] = id;
    }],
  ],
  refused: [
    { text: "hi" },
    { image_data: "x" },
    { session_params: {} },
    { logprob_start_len: 0 },
    { sampling_params: { n: 2 } },
    { sampling_params: [] },
  ],
};

const SETUPS: readonly [name: string, engine: Partial<SimulatedEngineOptions>][] = [
  ["sglang, cumulative frames", {}],
  ["sglang, delta frames", { incrementalStreaming: true }],
  ["sglang, three tokens a frame", { streamIntervalTokens: 3 }],
  ["sglang that tells one version a reply", { reportVersionSpans: false }],
];
for (const [name, engine] of SETUPS) {
  engineAdapterSuite({
    name,
    adapter: createEngineAdapter("sglang"),
    engine: { protocol: "sglang", ...engine },
    tellsText: true,
    tellsWholeText: true,
    path: "/generate",
  }, edits);
}
