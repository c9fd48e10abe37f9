/**
 * What is logged, and how.
 *
 * @module
 */
import { boolean, oneOf } from "./schemas.ts";
import { inGroup } from "./setting.ts";

/** Settings of "Logs" in `--help`. */
export const LOG_SETTINGS = inGroup("Logs", [
  {
    key: "logFormat",
    flag: "--log-format",
    placeholder: "name",
    kind: "text",
    help: "auto (pretty on a terminal, else json), json, pretty",
    schema: oneOf("auto", "json", "pretty"),
  },
  {
    key: "logLevel",
    flag: "--log-level",
    placeholder: "name",
    kind: "text",
    help: "trace, debug, info, warning, error, fatal",
    schema: oneOf("trace", "debug", "info", "warning", "error", "fatal"),
  },
  {
    key: "verbose",
    flag: "--verbose",
    placeholder: null,
    kind: "boolean",
    help: "a line a request, and debug messages",
    schema: boolean,
  },
]);
