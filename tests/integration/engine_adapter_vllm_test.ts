import { createEngineAdapter } from "../../src/engine/create.ts";
import type { JsonObject, JsonValue } from "../../src/types.ts";
import { engineAdapterSuite, type WireEdits } from "../support/engine_adapter_suite.ts";

const choiceOf = (reply: JsonObject) => (reply.choices as JsonObject[])[0];
const idsOf = (reply: JsonObject) => choiceOf(reply)?.token_ids as number[];
/** `content` of one form of logprobs, `token_logprobs` of the other. */
const logprobsOf = (reply: JsonObject) => {
  const logprobs = choiceOf(reply)?.logprobs as JsonObject;
  return (logprobs.content ?? logprobs.token_logprobs) as JsonValue[];
};
const usageOf = (reply: JsonObject) => reply.usage as JsonObject;

const edits: WireEdits = {
  dropLogprobs: (reply) => {
    const choice = choiceOf(reply);
    if (choice !== undefined) choice.logprobs = null;
  },
  contradictions: [
    ["another count", (reply) => void (usageOf(reply).completion_tokens = 23), /completion_tokens is 23/],
    ["an id changed", (reply) => void (idsOf(reply)[3] = 1), /differ at token 3/],
    ["an id missing", (reply) => void idsOf(reply).pop(), /token_ids are 23, logprobs 24/],
    ["a logprob missing", (reply) => void logprobsOf(reply).pop(), /token_ids are 24, logprobs 23/],
    ["no finish reason", (reply) => void (choiceOf(reply)!.finish_reason = null), /no finish reason/],
    ["no index", (reply) => void delete choiceOf(reply)!.index, /no index/],
    ["no choices", (reply) => void delete reply.choices, /no choices/],
  ],
  frameContradictions: [
    ["a chunk lost", (frames) => void frames.splice(4, 1), /completion_tokens is 24, ids are 23/],
    ["an id changed", (frames) => void (idsOf(frames[3]!)[0] = 1), /differ at token 0/],
    ["a chunk repeated", (frames) => void frames.splice(4, 0, frames[4]!), /ids are 25/],
    ["a chunk behind the end", (frames) => void frames.push(frames[2]!), /goes on after/],
    ["another object", (frames) => void frames.splice(3, 1, { text: "x" }), /no choices/],
  ],
  idPlaces: [
    ["token_ids", (reply, id) => {
      const choice = choiceOf(reply);
      if (choice !== undefined) choice.token_ids = [id, ...idsOf(reply).slice(1)];
    }],
    ["prompt_token_ids", (reply, id) => {
      const choice = choiceOf(reply);
      if (choice !== undefined) choice.prompt_token_ids = [id];
    }],
    ["the logprobs", (reply, id) => {
      const logprobs = choiceOf(reply)?.logprobs as JsonObject | undefined;
      const name = `token_id:${id === null ? "null" : JSON.stringify(id)}`;
      if (Array.isArray(logprobs?.content)) {
        const entry = logprobs.content[0] as JsonObject;
        if (typeof id === "number") entry.token_id = id;
        else entry.token = name;
      } else if (Array.isArray(logprobs?.tokens)) logprobs.tokens[0] = name;
    }],
    ["the likely tokens", (reply, id) => {
      const logprobs = choiceOf(reply)?.logprobs as JsonObject | undefined;
      const name = `token_id:${id === null ? "null" : JSON.stringify(id)}`;
      if (Array.isArray(logprobs?.content)) {
        const [entry] = (logprobs.content[0] as JsonObject).top_logprobs as JsonObject[];
        if (typeof id === "number") entry!.token_id = id;
        else entry!.token = name;
      } else if (Array.isArray(logprobs?.top_logprobs)) logprobs.top_logprobs[0] = { [name]: -1 };
    }],
  ],
  refused: [
    { echo: true },
    { prompt_embeds: "x" },
    { truncate_prompt_tokens: 5 },
    { use_beam_search: true },
    { sampling_params: { n: 2 } },
    { sampling_params: 1 },
  ],
};

engineAdapterSuite({
  name: "vllm by /inference/v1/generate",
  adapter: createEngineAdapter("vllm", { contextTokens: 131_072 }),
  engine: { protocol: "vllm" },
  tellsText: false,
  tellsWholeText: false,
  path: "/inference/v1/generate",
}, edits);

engineAdapterSuite({
  name: "vllm by /v1/completions",
  adapter: createEngineAdapter("vllm-completions", { contextTokens: 131_072 }),
  engine: { protocol: "vllm", streamIntervalTokens: 1 },
  tellsText: true,
  tellsWholeText: false,
  path: "/v1/completions",
}, edits);
