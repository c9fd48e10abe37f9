/**
 * The simulated engine: SGLang's or vLLM's protocol without a model. See `docs/simulated-engine.md`.
 *
 * @module
 */
export {
  type Availability,
  createSimulatedEngine,
  type SimulatedEngine,
  type SimulatedEngineState,
} from "./simulated_engine.ts";
export {
  type ChatRenderer,
  defaultSimulateOptions,
  SIMULATED_PROTOCOLS,
  type SimulatedEngineOptions,
  type SimulatedProtocol,
  type SimulateOptions,
} from "./options.ts";
export { createSimulatedFetch } from "./simulated_fetch.ts";
export { type ServedEngine, serveSimulatedEngine, type ServeSimulatedOptions } from "./serve.ts";
export {
  type RunningSimulation,
  type SimulateAssets,
  simulatedEngineOptions,
  startSimulation,
} from "./simulate.ts";
export { DEFAULT_LATENCY, type LatencyModel } from "./latency.ts";
export type { FaultKnob, FaultName, FaultSettings, SimulatedFaults } from "./faults.ts";
export type { Script, ScriptedReply, ScriptPrompt } from "./sampler.ts";
export type { LoggedRequest } from "./request_log.ts";
export { ConnectionDropError } from "./http.ts";
export type { PauseMode } from "./scheduler.ts";
export type { WireMetaInfo, WireReply } from "./reply.ts";
