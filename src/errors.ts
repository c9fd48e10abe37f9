/**
 * The errors that somebody catches. Each has a stable `code`; `http_error.ts` in `api/` maps them to replies.
 *
 * Shape errors are `TypeError`, range errors `RangeError`: no own class.
 *
 * @module
 */

/** Base of the router's own errors: an HTTP status to answer with and a stable code. */
export class RouterError extends Error {
  /** Stable, machine-readable name of the failure. */
  readonly code: string;
  /** HTTP status the failure maps to. */
  readonly status: number;

  constructor(message: string, code: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.status = status;
  }
}

/** The client's request cannot be served as it is: 400 unless another 4xx is given. */
export class BadRequestError extends RouterError {
  constructor(message: string, options: ErrorOptions & { status?: number; code?: string } = {}) {
    super(message, options.code ?? "bad_request", options.status ?? 400, options);
  }
}

/** No worker can take the request: 503. */
export class NoWorkerError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "no_worker", 503, options);
  }
}

/** Every attempt to reach a worker failed before a byte reached the client: 502. */
export class UpstreamError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "upstream_failed", 502, options);
  }
}

/** The worker did not answer in time: 504. */
export class UpstreamTimeoutError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "upstream_timeout", 504, options);
  }
}

/** A part that the request needs is not configured (no tokenizer, no chat template): 503. */
export class NotConfiguredError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "not_configured", 503, options);
  }
}

/** A tokenizer file that no backend, or not the one asked for, can read. The CLI exits with 2. */
export class TokenizerLoadError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "tokenizer_load", 500, options);
  }
}

/** A flag, variable or configuration file with a bad value. The CLI exits with 2. */
export class ConfigError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "config", 500, options);
  }
}

/** A component was asked for by a name that is not registered. */
export class ComponentNotFoundError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "component_not_found", 500, options);
  }
}
