/**
 * Which workers there are, and how they are asked.
 *
 * @module
 */
import * as v from "valibot";
import { bearerToken, integer, oneOf, text, TIME_MAX_MS } from "./schemas.ts";
import { inGroup } from "./setting.ts";

const workerUrl = v.pipe(
  v.string("a list of http(s) URLs"),
  v.check(isHttpUrl, "a list of http(s) URLs without query or credentials"),
);

/** Settings of "Workers" in `--help`. */
export const WORKER_SETTINGS = inGroup("Workers", [
  {
    key: "workers",
    flag: "--worker",
    placeholder: "url",
    kind: "list",
    help: "base URL of a worker; may be given again",
    schema: v.array(workerUrl, "a list of http(s) URLs"),
  },
  {
    key: "allowedWorkerHosts",
    flag: "--allowed-worker-host",
    placeholder: "pattern",
    kind: "list",
    help: "host that workers may have: host, host:port or *.suffix; may be given again; none: any host",
    schema: v.nullable(v.array(text("a list of host patterns"), "a list of host patterns")),
  },
  {
    key: "policy",
    flag: "--policy",
    placeholder: "name",
    kind: "text",
    help: "how a worker is chosen: least_load, round_robin",
    schema: oneOf("least_load", "round_robin"),
  },
  {
    key: "maxAttempts",
    flag: "--max-attempts",
    placeholder: "n",
    kind: "number",
    help: "workers tried for one request when connections fail",
    schema: integer(1, 100),
  },
  {
    key: "workerApiKey",
    flag: "--worker-api-key",
    placeholder: "token",
    kind: "text",
    help: "bearer token that workers ask for, sent with everything in place of the client's",
    schema: v.nullable(bearerToken),
    secret: true,
  },
  {
    key: "connectTimeoutMs",
    flag: "--connect-timeout-ms",
    placeholder: "ms",
    kind: "number",
    help: "longest until a worker's connection stands",
    schema: integer(1, TIME_MAX_MS),
  },
]);

function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" &&
    url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}
