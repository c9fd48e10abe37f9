/**
 * An inference engine without a model, that speaks SGLang's or vLLM's protocol.
 *
 * @module
 */
import { RouterError } from "../../errors.ts";
import type { JsonObject } from "../../types.ts";
import { chatCompletions } from "./chat_endpoint.ts";
import { CONTROL_ROUTES } from "./control_endpoints.ts";
import { EngineCore } from "./core.ts";
import {
  drawFaults,
  type DrawnFaults,
  type FaultSettings,
  setFaults,
  type SimulatedFaults,
} from "./faults.ts";
import { generate } from "./generate_endpoint.ts";
import { type Call, ConnectionDropError, errorResponse, jsonResponse, readCall } from "./http.ts";
import { type ChatRenderer, REQUEST_LOG_MAX, type SimulatedEngineOptions } from "./options.ts";
import { type LoggedRequest, RequestLog } from "./request_log.ts";
import type { PauseMode } from "./scheduler.ts";
import { VLLM_CONTROL_ROUTES, VLLM_GENERATE_ROUTES } from "./vllm_endpoints.ts";
import { vllmErrorBody } from "./vllm_reply.ts";

/** `up` answers; `unhealthy` answers 503; `down` ends every connection without an answer. */
export type Availability = "up" | "unhealthy" | "down";

/** What goes on in an engine. Read it at any time; it is live. */
export interface SimulatedEngineState {
  /** The newest requests, oldest first. */
  readonly requests: readonly LoggedRequest[];
  readonly running: number;
  readonly waiting: number;
  readonly paused: boolean;
  readonly weightVersion: string;
  readonly generatedTokens: number;
  /** Generations that ended by themselves. */
  readonly completed: number;
  readonly aborted: number;
  readonly kvCacheTokens: number;
}

/** A running engine. */
export interface SimulatedEngine {
  /**
   * Answers a request. Rejects with a `TypeError` where a connection would have ended without an answer. Can be called
   * unbound.
   */
  readonly fetch: (request: Request) => Promise<Response>;
  readonly state: SimulatedEngineState;
  /** Knobs, to be turned at any time. */
  readonly faults: SimulatedFaults;
  /** Default `up`. */
  availability: Availability;
  setWeightVersion(version: string): void;
  /** As `/pause_generation`. Default mode `abort`. */
  pause(mode?: PauseMode): void;
  continue(): void;
  /** As `/abort_request`: by prefix; returns how many. */
  abort(ridPrefix: string): number;
  flushCache(): void;
  /** Forgets `state.requests`. */
  clearRequests(): void;
}

/**
 * Makes an engine.
 *
 * @throws {TypeError | RangeError} for bad fault settings
 *
 * @example Ask an engine without a port
 * ```ts no-eval
 * const engine = createSimulatedEngine({ tokenizer, seed: 7 });
 * const reply = await engine.fetch(
 *   new Request("http://engine/generate", {
 *     method: "POST",
 *     body: JSON.stringify({ text: "Hello", sampling_params: { max_new_tokens: 8 }, return_logprob: true }),
 *   }),
 * );
 * const { text, output_ids, meta_info } = await reply.json();
 * ```
 */
export function createSimulatedEngine(options: SimulatedEngineOptions): SimulatedEngine {
  const core = new EngineCore(options);
  const log = new RequestLog(options.requestLogMax ?? REQUEST_LOG_MAX);
  const face = new HttpFace(core, log, options.chatTemplate ?? null);
  return {
    fetch: (request) => face.fetch(request),
    state: liveState(core, log),
    faults: core.faults,
    get availability() {
      return face.availability;
    },
    set availability(availability) {
      face.availability = availability;
    },
    setWeightVersion: (version) => void (core.weightVersion = version),
    pause: (mode = "abort") => core.scheduler.pause(mode),
    continue: () => core.scheduler.resume(),
    abort: (ridPrefix) => core.abort(ridPrefix),
    flushCache: () => core.kvCache.clear(),
    clearRequests: () => log.clear(),
  };
}

function liveState(core: EngineCore, log: RequestLog): SimulatedEngineState {
  return {
    get requests() {
      return log.entries;
    },
    get running() {
      return core.scheduler.running;
    },
    get waiting() {
      return core.scheduler.waiting;
    },
    get paused() {
      return core.scheduler.paused;
    },
    get weightVersion() {
      return core.weightVersion;
    },
    get generatedTokens() {
      return core.generatedTokens;
    },
    get completed() {
      return core.completed;
    },
    get aborted() {
      return core.aborted;
    },
    get kvCacheTokens() {
      return core.kvCache.tokens;
    },
  };
}

/** From requests to handlers. */
class HttpFace {
  availability: Availability = "up";
  readonly #core: EngineCore;
  readonly #log: RequestLog;
  readonly #chatTemplate: ChatRenderer | null;
  readonly #readyAtMs: number;

  constructor(core: EngineCore, log: RequestLog, chatTemplate: ChatRenderer | null) {
    this.#core = core;
    this.#log = log;
    this.#chatTemplate = chatTemplate;
    this.#readyAtMs = core.clock.now() + core.options.startupMs;
  }

  async fetch(request: Request): Promise<Response> {
    if (this.availability === "down") {
      throw new ConnectionDropError("Cannot reach simulated engine: it is down");
    }
    try {
      const call = await readCall(request);
      const url = new URL(request.url);
      this.#log.add(call, url);
      if (this.#isUnready()) return this.#error(503, "The simulated engine is not ready");
      return await this.#route(call, `${request.method} ${url.pathname}`);
    } catch (error) {
      if (error instanceof RouterError) return this.#error(error.status, error.message);
      throw error;
    }
  }

  #isUnready(): boolean {
    if (this.availability === "unhealthy") return true;
    return this.#core.options.startupMs > 0 && this.#core.clock.now() < this.#readyAtMs;
  }

  #route(call: Call, route: string): Response | Promise<Response> {
    switch (route) {
      case "GET /simulated/state":
        return jsonResponse(this.#describe());
      case "POST /simulated/faults":
        return this.#turnKnobs(call.json());
    }
    return this.#core.options.protocol === "vllm" ? this.#vllm(call, route) : this.#sglang(call, route);
  }

  #vllm(call: Call, route: string): Response | Promise<Response> {
    const host = { core: this.#core, chatTemplate: this.#chatTemplate };
    const generates = VLLM_GENERATE_ROUTES.get(route);
    if (generates !== undefined) return this.#faulty((faults) => generates(host, call, faults));
    const control = VLLM_CONTROL_ROUTES.get(route);
    return control === undefined ? this.#error(404, `Not found: ${route}`) : control(host, call);
  }

  #sglang(call: Call, route: string): Response | Promise<Response> {
    switch (route) {
      case "POST /generate":
      case "PUT /generate":
        return this.#faulty((faults) => generate(this.#core, call.json(), call.request, faults));
      case "POST /v1/chat/completions":
        return this.#faulty((faults) =>
          chatCompletions(this.#core, this.#chatTemplate, call.json(), call.request, faults)
        );
      case "GET /health":
      case "GET /health_generate":
        return new Response(null, { status: 200 });
    }
    const control = CONTROL_ROUTES.get(route);
    return control === undefined
      ? errorResponse(404, `Not found: ${route}`)
      : control(this.#core, call.json());
  }

  /** An error in the shape of the protocol. */
  #error(status: number, message: string): Response {
    return this.#core.options.protocol === "vllm"
      ? jsonResponse(vllmErrorBody(message, status), status)
      : errorResponse(status, message);
  }

  async #faulty(handle: (faults: DrawnFaults) => Promise<Response>): Promise<Response> {
    const faults = drawFaults(this.#core.faults, this.#core.faultRandom);
    if (faults.dropBeforeHeaders !== undefined) {
      throw new ConnectionDropError("Cannot answer: the simulated connection was dropped");
    }
    const { httpError } = faults;
    const response = httpError === undefined
      ? await handle(faults)
      : this.#error(httpError.status, httpError.message);
    if (faults.duplicateHeaders !== undefined) this.#duplicateHeaders(response.headers);
    return response;
  }

  #duplicateHeaders(headers: Headers): void {
    const date = new Date(this.#core.clock.epochMs()).toUTCString();
    for (const server of ["uvicorn", "simulated"]) headers.append("server", server);
    for (let copy = 0; copy < 2; copy++) headers.append("date", date);
  }

  #describe() {
    const { requests, ...state } = { ...liveState(this.#core, this.#log) };
    return {
      ...state,
      requests: requests.length,
      availability: this.availability,
      faults: this.#core.faults,
    };
  }

  #turnKnobs(settings: JsonObject): Response {
    try {
      setFaults(this.#core.faults, settings as FaultSettings);
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) return errorResponse(400, error.message);
      throw error;
    }
    return jsonResponse(this.#core.faults);
  }
}
