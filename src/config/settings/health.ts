/**
 * When a worker counts as dead, or is left alone for a while.
 *
 * @module
 */
import { boolean, integer, TIME_MAX_MS } from "./schemas.ts";
import { inGroup } from "./setting.ts";

/** Settings of "Health" in `--help`. */
export const HEALTH_SETTINGS = inGroup("Health", [
  {
    key: "healthCheckIntervalMs",
    flag: "--health-check-interval-ms",
    placeholder: "ms",
    kind: "number",
    help: "time between two probes of a worker",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "healthCheckTimeoutMs",
    flag: "--health-check-timeout-ms",
    placeholder: "ms",
    kind: "number",
    help: "longest a probe may take",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "healthCheckFailureThreshold",
    flag: "--health-check-failure-threshold",
    placeholder: "n",
    kind: "number",
    help: "failed probes in a row after which a worker is unhealthy",
    schema: integer(1, 1_000_000),
  },
  {
    key: "retryHung",
    flag: "--no-retry-hung",
    placeholder: null,
    kind: "boolean",
    help: "do not ask another worker for generations that wait for one whose probes get no answer",
    schema: boolean,
  },
  {
    key: "circuitBreakerThreshold",
    flag: "--circuit-breaker-threshold",
    placeholder: "n",
    kind: "number",
    help: "failed connections in a row after which a worker is left alone for a while",
    schema: integer(1, 1_000_000),
  },
  {
    key: "circuitBreakerCooldownMs",
    flag: "--circuit-breaker-cooldown-ms",
    placeholder: "ms",
    kind: "number",
    help: "how long it is left alone",
    schema: integer(1, TIME_MAX_MS),
  },
]);
