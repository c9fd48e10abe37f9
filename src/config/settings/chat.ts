/**
 * Chat: engine, formats, sessions.
 *
 * @module
 */
import * as v from "valibot";
import { integer, oneOf, text, TIME_MAX_MS } from "./schemas.ts";
import { inGroup } from "./setting.ts";

/** Formats of `parse/create.ts`, which stands above this folder: a test holds the lists against each other. */
const TOOL_PARSERS = [
  "auto",
  "none",
  "hermes",
  "qwen3_coder",
  "glm",
  "llama3_json",
  "deepseek",
  "kimi",
  "harmony",
];
const REASONING_PARSERS = ["auto", "none", "think", "harmony"];

/** Settings of "Chat" in `--help`. */
export const CHAT_SETTINGS = inGroup("Chat", [
  {
    key: "chat",
    flag: "--chat",
    placeholder: "mode",
    kind: "text",
    help:
      "chat completions: gateway (token-exact), proxy, auto (gateway when tokenizer and template are there)",
    schema: oneOf("auto", "gateway", "proxy"),
  },
  {
    key: "tito",
    flag: "--tito",
    placeholder: "mode",
    kind: "text",
    help: "chat template that does not keep conversations: report, strict (do not start, or refuse tools)",
    schema: oneOf("report", "strict"),
  },
  {
    key: "engine",
    flag: "--engine",
    placeholder: "name",
    kind: "text",
    help: "protocol that the gateway speaks with workers: sglang, vllm, vllm-completions",
    schema: oneOf("sglang", "vllm", "vllm-completions"),
  },
  {
    key: "chatTemplate",
    flag: "--chat-template",
    placeholder: "path",
    kind: "text",
    help: "file with a chat template in Jinja, in place of the tokenizer's own",
    schema: v.nullable(text("a path")),
  },
  {
    key: "contextTokens",
    flag: "--context-tokens",
    placeholder: "n",
    kind: "number",
    help: "tokens that a worker's context holds; without it workers are asked where it has to be known",
    schema: v.nullable(integer(1, 2 ** 31 - 1)),
  },
  {
    key: "toolCallParser",
    flag: "--tool-call-parser",
    placeholder: "name",
    kind: "text",
    help: `format of tool calls: ${TOOL_PARSERS.join(", ")}`,
    schema: oneOf(...TOOL_PARSERS),
  },
  {
    key: "reasoningParser",
    flag: "--reasoning-parser",
    placeholder: "name",
    kind: "text",
    help: `format of reasoning: ${REASONING_PARSERS.join(", ")}`,
    schema: oneOf(...REASONING_PARSERS),
  },
  {
    key: "sessionsMax",
    flag: "--sessions-max",
    placeholder: "n",
    kind: "number",
    help: "sessions kept at most",
    schema: integer(1, 100_000_000),
  },
  {
    key: "sessionIdleMs",
    flag: "--session-idle-ms",
    placeholder: "ms",
    kind: "number",
    help: "time after which a session that nobody used is removed",
    schema: integer(1, TIME_MAX_MS),
  },
  {
    key: "sessionBytesMax",
    flag: "--session-bytes-max",
    placeholder: "n",
    kind: "number",
    help: "bytes of all sessions at most",
    schema: integer(2 ** 10, Number.MAX_SAFE_INTEGER),
  },
  {
    key: "sessionTurnsMax",
    flag: "--session-turns-max",
    placeholder: "n",
    kind: "number",
    help: "turns of one session at most",
    schema: integer(1, 1_000_000),
  },
]);
