/**
 * What becomes of replies that a weight update aborts.
 *
 * @module
 */
import { integer, oneOf, TIME_MAX_MS } from "./schemas.ts";
import { inGroup } from "./setting.ts";

/** Settings of "Weight updates" in `--help`. */
export const WEIGHT_UPDATE_SETTINGS = inGroup("Weight updates", [
  {
    key: "onAbort",
    flag: "--on-abort",
    placeholder: "action",
    kind: "text",
    help: "reply that a weight update aborted: resume (chat; /generate is asked again), retry, return",
    schema: oneOf("resume", "retry", "return"),
  },
  {
    key: "abortRetries",
    flag: "--abort-retries",
    placeholder: "n",
    kind: "number",
    help: "times an aborted request is asked again",
    schema: integer(0, 100_000),
  },
  {
    key: "abortRetryWaitMs",
    flag: "--abort-retry-wait-ms",
    placeholder: "ms",
    kind: "number",
    help: "wait before asking again",
    schema: integer(0, TIME_MAX_MS),
  },
]);
