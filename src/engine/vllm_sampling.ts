/**
 * Sampling parameters in vLLM's names, the same for both endpoints, and the fields of `extra` that each knows.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../types.ts";
import type { SamplingSettings } from "./adapter.ts";
import { COMMON_SAMPLING, commonSampling, defined, type ExtraFields } from "./request_body.ts";
import { readResponseFormat } from "./response_format.ts";

/** Names that `vllmSampling` writes. */
const OWN_SAMPLING: ReadonlySet<string> = new Set([
  ...COMMON_SAMPLING,
  "max_tokens",
  "min_tokens",
  "seed",
  "logprobs",
  "detokenize",
  "output_kind",
]);

const REFUSED = [
  "prompt_embeds",
  "features",
  "echo",
  "suffix",
  "best_of",
  "use_beam_search",
  "truncate_prompt_tokens",
];

/** Of `/inference/v1/generate`: sampling parameters stand in an object of their own. */
export const GENERATE_EXTRA: ExtraFields = {
  own: new Set(["request_id", "token_ids", "stream", "stream_options", "return_token_ids"]),
  refused: new Set([...REFUSED, "prompt"]),
  sampling: new Set([
    "allowed_token_ids",
    "bad_words",
    "extra_args",
    "include_stop_str_in_output",
    "logits_processors",
    "prompt_logprobs",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "structured_outputs",
  ]),
  ownSampling: OWN_SAMPLING,
};

/** Of `/v1/completions`: everything stands at the top. */
export const COMPLETIONS_EXTRA: ExtraFields = {
  own: new Set([
    ...OWN_SAMPLING,
    "prompt",
    "request_id",
    "stream",
    "stream_options",
    "add_special_tokens",
    "return_token_ids",
    "return_tokens_as_token_ids",
  ]),
  refused: new Set(REFUSED),
  sampling: null,
  ownSampling: OWN_SAMPLING,
};

/**
 * The settings but for `max_tokens`, `logprobs` and the format of the output, which the endpoints write in their own ways.
 *
 * Special tokens are left as they are in the engine's text (`skip_special_tokens` is not written): vLLM looks for stop
 * strings in that text, so the flag would change where a generation ends.
 */
export function vllmSampling(settings: SamplingSettings): JsonObject {
  return defined({
    min_tokens: settings.minTokens,
    seed: settings.seed,
    ...commonSampling(settings),
  });
}

/** `structured_outputs` for a `response_format`. */
export function structuredOutputs(responseFormat: JsonValue | undefined): JsonObject {
  const format = readResponseFormat(responseFormat);
  switch (format.kind) {
    case "text":
      return {};
    case "object":
      return { structured_outputs: { json_object: true } };
    case "schema":
      return { structured_outputs: { json: format.schema } };
    case "structural_tag":
      return { structured_outputs: { structural_tag: JSON.stringify(format.tag) } };
  }
}
