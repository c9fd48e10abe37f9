/**
 * Where log records go. Rooms of the house write to `getLogger(["slime-router", …])`; only a program's entry point calls
 * {@link configureLogging}: within another application the host decides.
 *
 * @module
 */
import { configure, getJsonLinesFormatter, getStreamSink, getTextFormatter, reset } from "@logtape/logtape";
import type { LogRecord, TextFormatter } from "@logtape/logtape";
import type { LogLevelName } from "../config.ts";

/** First part of every logger's category. */
export const LOG_CATEGORY = "slime-router";

/** Records kept while the stream is busy; a log that nobody reads must not fill the memory. */
const BUFFERED_RECORDS_MAX = 4_096;
/** Longest that a record waits to be written. */
const FLUSH_INTERVAL_MS = 50;

/** Options of {@link configureLogging}. */
export interface LoggingOptions {
  /** `json`: one object a line. `pretty`: for a person. */
  readonly format: "json" | "pretty";
  /** Least severe level that is written. */
  readonly level: LogLevelName;
  /** Where lines go, usually standard error; not closed. */
  readonly stream: WritableStream<Uint8Array>;
  /** Colours in pretty lines. Default false. */
  readonly color?: boolean;
}

/** Ends logging: writes what is buffered, stops the timer, and lets the stream go. */
export interface Logging extends AsyncDisposable {
  readonly format: "json" | "pretty";
}

/**
 * Sends the records of all loggers of this process to a stream, without blocking the event loop.
 *
 * @returns what flushes and ends it; a process that exits without it may lose the last lines
 */
export async function configureLogging(options: LoggingOptions): Promise<Logging> {
  const { format, level, stream, color = false } = options;
  const sink = getStreamSink(stream, {
    formatter: format === "json" ? jsonFormatter() : prettyFormatter(color),
    closeStream: false,
    nonBlocking: { bufferSize: BUFFERED_RECORDS_MAX, flushInterval: FLUSH_INTERVAL_MS },
  });
  await configure({
    reset: true,
    sinks: { stream: sink },
    loggers: [
      { category: [LOG_CATEGORY], sinks: ["stream"], lowestLevel: level },
      // The library's words on itself are of interest only when something is wrong with it.
      { category: ["logtape", "meta"], sinks: ["stream"], lowestLevel: "error" },
    ],
  });
  return { format, [Symbol.asyncDispose]: () => reset() };
}

/** `{"@timestamp", "level", "message", "logger", …properties}` a line. */
export function jsonFormatter(): TextFormatter {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  return (record) => format({ ...record, message: [sentenceOf(record)] });
}

/** The message in words. Strings stand in it as they are: quoted, they would be quoted twice in a line of JSON. */
function sentenceOf({ message }: LogRecord): string {
  return message.map((part) =>
    typeof part === "string"
      ? part
      : part instanceof Error
      ? part.message
      : JSON.stringify(part) ?? String(part)
  ).join("");
}

/** `12:00:00.000 INFO  message key=value` a line; control characters in values are escaped. */
export function prettyFormatter(color: boolean): TextFormatter {
  return getTextFormatter({
    timestamp: "time",
    level: "FULL",
    value: "bare",
    format({ timestamp, level, message, record }) {
      const name = level.padEnd(7);
      const shade = color ? LEVEL_COLORS[record.level] : undefined;
      return `${timestamp} ${shade ? `\u001b[${shade}m${name}\u001b[0m` : name} ${message}${
        properties(record)
      }`;
    },
  });
}

/** SGR codes; information is left as it is. */
const LEVEL_COLORS: Partial<Record<LogRecord["level"], string>> = {
  trace: "2",
  debug: "2",
  warning: "33",
  error: "31",
  fatal: "31;1",
};

/** Properties that the message does not show already, as ` key=value`. */
function properties(record: LogRecord): string {
  const template = typeof record.rawMessage === "string" ? record.rawMessage : record.rawMessage.join("");
  let text = "";
  for (const [key, value] of Object.entries(record.properties)) {
    if (!template.includes(`{${key}}`)) text += ` ${key}=${plain(value)}`;
  }
  return text;
}

function plain(value: unknown): string {
  if (typeof value === "string" && /^[\w.:/@+-]+$/.test(value)) return value;
  if (value instanceof Error) return JSON.stringify(`${value.name}: ${value.message}`);
  return JSON.stringify(value) ?? String(value);
}
