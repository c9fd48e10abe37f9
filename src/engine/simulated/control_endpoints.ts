/**
 * SGLang's control plane: abort, pause, weights, cache, information.
 *
 * @module
 */
import { BadRequestError } from "../../errors.ts";
import type { JsonObject } from "../../types.ts";
import type { EngineCore } from "./core.ts";
import { brief } from "../json_fields.ts";
import { jsonResponse, textResponse } from "./http.ts";
import type { PauseMode } from "./scheduler.ts";

/** A handler of the control plane. */
export type ControlHandler = (core: EngineCore, body: JsonObject) => Response;

const PAUSE_MODES: readonly PauseMode[] = ["abort", "retract", "in_place"];

/** Handlers by method and path. */
export const CONTROL_ROUTES: ReadonlyMap<string, ControlHandler> = new Map<string, ControlHandler>([
  ["GET /get_model_info", modelInfo],
  ["GET /model_info", modelInfo],
  ["GET /get_server_info", serverInfo],
  ["GET /server_info", serverInfo],
  ["GET /get_weight_version", (core) => jsonResponse({ weight_version: core.weightVersion })],
  ["GET /v1/models", models],
  ...either("/abort_request", abortRequest),
  ...either("/pause_generation", pauseGeneration),
  ...either("/continue_generation", continueGeneration),
  ...either("/flush_cache", flushCache),
  ["GET /flush_cache", flushCache],
  ...either("/update_weight_version", updateWeightVersion),
  ...either("/update_weights_from_disk", updateWeightsFromDisk),
]);

function either(path: string, handler: ControlHandler): [string, ControlHandler][] {
  return [[`POST ${path}`, handler], [`PUT ${path}`, handler]];
}

/** By prefix, as in SGLang: an empty rid matches every request. */
function abortRequest(core: EngineCore, body: JsonObject): Response {
  const { rid = null, abort_all: all = false } = body;
  if (rid !== null && typeof rid !== "string") {
    throw new BadRequestError(`Cannot abort: rid must be a string, received ${brief(rid)}`);
  }
  if (all === true) core.abort("");
  else if (rid !== null) core.abort(rid);
  return new Response(null, { status: 200 });
}

function pauseGeneration(core: EngineCore, body: JsonObject): Response {
  const mode = body["mode"] ?? "abort";
  const known = PAUSE_MODES.find((each) => each === mode);
  if (known === undefined) {
    throw new BadRequestError(
      `Cannot pause: mode must be one of ${PAUSE_MODES.join(", ")}, received ${brief(mode)}`,
    );
  }
  core.scheduler.pause(known);
  return jsonResponse({ status: "ok", message: "Generation paused successfully." });
}

function continueGeneration(core: EngineCore): Response {
  core.scheduler.resume();
  return jsonResponse({ status: "ok", message: "Generation continued successfully." });
}

/** Refused while requests run, as in SGLang. */
function flushCache(core: EngineCore): Response {
  const { running, waiting } = core.scheduler;
  if (running + waiting > 0) {
    return textResponse(`Cannot flush cache: ${running} requests run, ${waiting} wait\n`, 400);
  }
  core.kvCache.clear();
  return textResponse("Cache flushed.\n");
}

function updateWeightVersion(core: EngineCore, body: JsonObject): Response {
  const version = readVersion(body, "new_version");
  if (version === null) throw new BadRequestError("Cannot update weight version: new_version is missing");
  if (body["abort_all_requests"] !== false) core.abort("");
  core.weightVersion = version;
  return jsonResponse({
    success: true,
    message: `Weight version updated to ${version}`,
    new_version: version,
  });
}

/** No weights are read: the version changes, and the cached keys and values go unless `flush_cache` is false. */
function updateWeightsFromDisk(core: EngineCore, body: JsonObject): Response {
  const path = body["model_path"];
  if (typeof path !== "string" || path === "") {
    throw new BadRequestError(`Cannot update weights: model_path must be a path, received ${brief(path)}`);
  }
  const version = readVersion(body, "weight_version");
  const paused = core.scheduler.paused ? core.scheduler.running : 0;
  if (body["abort_all_requests"] === true) core.abort("");
  if (body["flush_cache"] !== false) core.kvCache.clear();
  if (version !== null) core.weightVersion = version;
  return jsonResponse({
    success: true,
    message: "Succeeded to update model weights.",
    num_paused_requests: paused,
  });
}

function readVersion(body: JsonObject, field: string): string | null {
  const version = body[field] ?? null;
  if (version === null || typeof version === "string") return version;
  if (typeof version === "number") return String(version);
  throw new BadRequestError(`Cannot update weights: ${field} must be a string, received ${brief(version)}`);
}

function modelInfo(core: EngineCore): Response {
  return jsonResponse({
    model_path: core.options.modelPath,
    tokenizer_path: core.vocabulary.tokenizer.source,
    is_generation: true,
    weight_version: core.weightVersion,
  });
}

function serverInfo(core: EngineCore): Response {
  const { modelPath, contextLength, runningMax, streamIntervalTokens, incrementalStreaming, seed } =
    core.options;
  return jsonResponse({
    model_path: modelPath,
    tokenizer_path: core.vocabulary.tokenizer.source,
    served_model_name: modelPath,
    weight_version: core.weightVersion,
    context_length: contextLength,
    max_running_requests: runningMax,
    stream_interval: streamIntervalTokens,
    incremental_streaming_output: incrementalStreaming,
    random_seed: seed,
    internal_states: [{ running: core.scheduler.running, waiting: core.scheduler.waiting }],
  });
}

function models(core: EngineCore): Response {
  const { modelPath, contextLength, clock } = core.options;
  const created = Math.floor(clock.epochMs() / 1_000);
  const model = {
    id: modelPath,
    object: "model",
    created,
    owned_by: "simulated",
    root: modelPath,
    max_model_len: contextLength,
  };
  return jsonResponse({ object: "list", data: [model] });
}
