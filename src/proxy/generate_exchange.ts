/**
 * A `/generate` request as middleware and proxy share it: what goes out, and what is to be done with what comes back.
 *
 * @module
 */
import type { SampledOutput } from "../engine/engine.ts";
import type { GenerateRequest } from "./generate_request.ts";

/** The one request object. The radix cache fills it in; the proxy sends `body` and calls the hooks. */
export interface GenerateExchange {
  readonly request: GenerateRequest;
  /** The very bytes that are POSTed. */
  readonly body: Uint8Array<ArrayBuffer>;
  /**
   * Told what was sampled when the reply is complete and well-formed, before its last byte goes to the client; null
   * when nobody wants to know, and the reply is not read.
   */
  readonly onOutputs: ((outputs: SampledOutput[]) => Promise<void>) | null;
}
