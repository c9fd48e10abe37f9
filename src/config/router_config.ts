/**
 * What the router can be told: one interface, its defaults. Reading flags, variables and files is `resolve.ts`.
 *
 * @module
 */

/** Configuration of one router. Times in milliseconds, sizes in the unit their names end with. */
export interface RouterConfig {
  /** Address to listen on. Default "127.0.0.1". */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. Default 30000. */
  readonly port: number;

  /** Base URLs of workers known from the start. Default none. */
  readonly workers: readonly string[];
  /** Hosts that workers may have: `host`, `host:port` or `*.suffix`. Default null: any. */
  readonly allowedWorkerHosts: readonly string[] | null;
  /** How a worker is chosen. Default "least_load". */
  readonly policy: PolicyName;
  /** Requests served at once; more are answered 503 with `Retry-After`. 0: no bound. Default 0. */
  readonly maxConnections: number;
  /** Times a request may be tried when connections fail, the first included; never twice on one worker. Default 3. */
  readonly maxAttempts: number;
  /** Longest a whole request may take. 0: no limit. Default 0. */
  readonly requestTimeoutMs: number;
  /** Longest until a worker's connection stands. Default 5000. */
  readonly connectTimeoutMs: number;
  /** Largest request body; larger ones are answered 413. Default 64 MiB. */
  readonly maxBodyBytes: number;

  /** Time between two health probes of a worker. Default 30000. */
  readonly healthCheckIntervalMs: number;
  /** Longest a health probe may take. Default 5000. */
  readonly healthCheckTimeoutMs: number;
  /** Failed probes in a row after which a worker is unhealthy. Default 3. */
  readonly healthCheckFailureThreshold: number;
  /**
   * Ask another worker for a generation that waits for the first byte of one whose health checks get no answer. Default
   * true.
   */
  readonly retryHung: boolean;
  /** Failed connections in a row after which a worker is left alone for a while. Default 5. */
  readonly circuitBreakerThreshold: number;
  /** How long it is left alone. Default 10000. */
  readonly circuitBreakerCooldownMs: number;

  /** Folder with `tokenizer.json`, or the file. Default null: requests pass without the token cache. */
  readonly tokenizer: string | null;
  /** File with a chat template in Jinja, in place of the tokenizer's own. Default null. */
  readonly chatTemplate: string | null;
  /** What encodes. Default "auto". */
  readonly tokenizerBackend: TokenizerBackendChoice;
  /** Tokens kept at most. Default 16 Mi. */
  readonly maxCacheSize: number;
  /** Bytes of memory the cache uses at most. Default 4 GiB. */
  readonly maxCacheBytes: number;
  /** File that the cache is loaded from at the start and saved to at the end. Default null: it ends with the process. */
  readonly snapshot: string | null;
  /** Weight versions a cached path may lag behind the newest. Default 5. */
  readonly gcThresholdK: number;
  /** Warm up the tokenizer and its helper before listening, so that the first request need not. Default true. */
  readonly prewarm: boolean;

  /** Chat completions: token-exact ("gateway"), passed on ("proxy"), or the former where it can be ("auto"). Default "auto". */
  readonly chat: "auto" | "gateway" | "proxy";
  /**
   * A chat template that does not keep conversations: reported, or refused at the start; where only tools are the problem,
   * requests with tools are refused. Default "report".
   */
  readonly tito: "report" | "strict";
  /** Protocol that the gateway speaks with workers. Default "sglang". */
  readonly engine: EngineName;
  /** Tokens that a worker's context holds. Default null: workers are asked where it has to be known. */
  readonly contextTokens: number | null;
  /** Format of tool calls; "auto": as the chat template tells. Default "auto". */
  readonly toolCallParser: string;
  /** Format of reasoning; "auto": as the chat template tells. Default "auto". */
  readonly reasoningParser: string;
  /** Sessions kept at most. Default 65,536. */
  readonly sessionsMax: number;
  /** A session that nobody used for so long is removed. Default one hour. */
  readonly sessionIdleMs: number;
  /** Bytes of all sessions at most. Default 2 GiB. */
  readonly sessionBytesMax: number;
  /** Turns of one session at most. Default 4,096. */
  readonly sessionTurnsMax: number;

  /**
   * What to do with a reply that a weight update aborted: go on inside it (chat; elsewhere as "retry"), ask again, or hand it
   * to the client. Default "retry".
   */
  readonly onAbort: "resume" | "retry" | "return";
  /** Times an aborted request is asked again. Default 5. */
  readonly abortRetries: number;
  /** Wait before asking again. Default 1000. */
  readonly abortRetryWaitMs: number;

  /** Modules whose default export makes a middleware, in order. Default none. */
  readonly middleware: readonly string[];
  /** Bearer token that every path but `/health` and `/readiness` then asks for. Default null: open. */
  readonly apiKey: string | null;
  /** Bearer token that workers are sent with everything, in place of the client's. Default null: the client's own. */
  readonly workerApiKey: string | null;
  /** Longest that requests in flight may go on after a signal to stop. Default 30000. */
  readonly shutdownTimeoutMs: number;

  /** "auto": pretty on a terminal, JSON lines otherwise. Default "auto". */
  readonly logFormat: "auto" | "json" | "pretty";
  /** Least severe level that is written. Default "info", with `verbose` "debug". */
  readonly logLevel: LogLevelName;
  /** Writes a line a request, and debug messages unless `logLevel` says otherwise. Default false. */
  readonly verbose: boolean;
}

/** Names of the engines' protocols. */
export type EngineName = "sglang" | "vllm" | "vllm-completions";

/** Names of the load-balancing policies. */
export type PolicyName = "least_load" | "round_robin";

/** A tokenizer backend by name, or the choice left to the loader. */
export type TokenizerBackendChoice = "auto" | "kitoken" | "huggingface" | "tokenizers-wasm";

/** Levels of the log, from all to least. */
export type LogLevelName = "trace" | "debug" | "info" | "warning" | "error" | "fatal";

/** The configuration of a router that is told nothing. */
export const DEFAULT_CONFIG: RouterConfig = Object.freeze({
  host: "127.0.0.1",
  port: 30_000,
  workers: [],
  allowedWorkerHosts: null,
  policy: "least_load",
  maxConnections: 0,
  maxAttempts: 3,
  requestTimeoutMs: 0,
  connectTimeoutMs: 5_000,
  maxBodyBytes: 64 * 2 ** 20,
  healthCheckIntervalMs: 30_000,
  healthCheckTimeoutMs: 5_000,
  healthCheckFailureThreshold: 3,
  retryHung: true,
  circuitBreakerThreshold: 5,
  circuitBreakerCooldownMs: 10_000,
  tokenizer: null,
  chatTemplate: null,
  tokenizerBackend: "auto",
  maxCacheSize: 16 * 2 ** 20,
  maxCacheBytes: 4 * 2 ** 30,
  snapshot: null,
  gcThresholdK: 5,
  prewarm: true,
  chat: "auto",
  tito: "report",
  engine: "sglang",
  contextTokens: null,
  toolCallParser: "auto",
  reasoningParser: "auto",
  sessionsMax: 65_536,
  sessionIdleMs: 3_600_000,
  sessionBytesMax: 2 * 2 ** 30,
  sessionTurnsMax: 4_096,
  onAbort: "retry",
  abortRetries: 5,
  abortRetryWaitMs: 1_000,
  middleware: [],
  apiKey: null,
  workerApiKey: null,
  shutdownTimeoutMs: 30_000,
  logFormat: "auto",
  logLevel: "info",
  verbose: false,
});
