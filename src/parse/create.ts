/**
 * Parsers by name. A new format is a file in `formats/` and a line here.
 *
 * @module
 */
import { ContentState, NO_TOOL_CALLS, type ToolSyntax } from "./content.ts";
import { deepseek } from "./formats/deepseek.ts";
import { glm } from "./formats/glm.ts";
import { beginHarmony, harmonyStops, harmonyTokens } from "./formats/harmony.ts";
import { hermes } from "./formats/hermes.ts";
import { kimi } from "./formats/kimi.ts";
import { llama3Json } from "./formats/llama3_json.ts";
import { qwen3Coder } from "./formats/qwen3_coder.ts";
import { createMachine } from "./machine.ts";
import type { OutputParser, OutputParserOptions } from "./parser.ts";
import { ThinkOpeningState, type ThinkSyntax } from "./think.ts";

/** Formats in which reasoning and calls are one grammar have no syntax of their own here. */
const HARMONY = "harmony";

const TOOL_SYNTAXES = {
  none: NO_TOOL_CALLS,
  hermes,
  qwen3_coder: qwen3Coder,
  glm,
  llama3_json: llama3Json,
  deepseek,
  kimi,
} as const satisfies Readonly<Record<string, ToolSyntax>>;

const REASONING_SYNTAXES = {
  none: undefined,
  think: { opener: "<think>", closer: "</think>" },
} as const satisfies Readonly<Record<string, ThinkSyntax | undefined>>;

/** Name of a tool-call format. */
export type ToolFormat = keyof typeof TOOL_SYNTAXES | typeof HARMONY;
/** Name of a reasoning format. */
export type ReasoningFormat = keyof typeof REASONING_SYNTAXES | typeof HARMONY;

/** Tool-call formats; `none` finds no calls. */
export const TOOL_FORMATS: readonly ToolFormat[] = [
  ...(Object.keys(TOOL_SYNTAXES) as (keyof typeof TOOL_SYNTAXES)[]),
  HARMONY,
];

/** Reasoning formats; `none` finds no reasoning. */
export const REASONING_FORMATS: readonly ReasoningFormat[] = [
  ...(Object.keys(REASONING_SYNTAXES) as (keyof typeof REASONING_SYNTAXES)[]),
  HARMONY,
];

/**
 * A parser for one output.
 *
 * `harmony` goes with `harmony` or `none` only. Give `toolFormat: "none"` for a request without tools: calls are found
 * whether or not the tools declare them.
 *
 * @throws {RangeError} for a name that is not one of `TOOL_FORMATS` and `REASONING_FORMATS`, or a pair that does not go together
 *
 * @example
 * ```ts
 * import { createOutputParser } from "./create.ts";
 *
 * const parser = createOutputParser({
 *   toolFormat: "hermes",
 *   reasoningFormat: "think",
 *   newToolCallId: (index) => `call_${index}`,
 * });
 * const events = [...parser.push("<think>Two."), ...parser.push("</think>2"), ...parser.finish()];
 * const types = events.map((event) => event.type).join();
 * if (types !== "markup,reasoning,markup,content") throw new Error(types);
 * ```
 */
export function createOutputParser(options: OutputParserOptions): OutputParser {
  const { toolFormat, reasoningFormat } = checkedFormats(options);
  const open = options.reasoningOpen ?? false;
  if (toolFormat === HARMONY || reasoningFormat === HARMONY) {
    const parts = { calls: toolFormat === HARMONY, reasoning: reasoningFormat === HARMONY, open };
    return createMachine(options, (context) => beginHarmony(context, parts));
  }
  return createMachine(options, (context) => {
    const content = new ContentState(context, TOOL_SYNTAXES[toolFormat]);
    const think = REASONING_SYNTAXES[reasoningFormat];
    return think === undefined ? content : new ThinkOpeningState(context, think, open, content);
  });
}

/**
 * The delimiters of a pair of formats that a tokenizer may have as tokens of their own: whoever feeds a parser looks
 * each up, tells it in `delimitersAreSpecial`, and pushes those tokens as special.
 *
 * @throws {RangeError} as `createOutputParser`
 */
export function delimiterTokens(formats: { toolFormat: string; reasoningFormat: string }): readonly string[] {
  const { toolFormat, reasoningFormat } = checkedFormats(formats);
  if (toolFormat === HARMONY || reasoningFormat === HARMONY) return harmonyTokens;
  const think = REASONING_SYNTAXES[reasoningFormat];
  return [...(think === undefined ? [] : [think.opener, think.closer]), ...TOOL_SYNTAXES[toolFormat].tokens];
}

/** The delimiters that end a reply, besides the model's end of sequence: an engine has to stop at them. */
export function stopTokens({ toolFormat }: { toolFormat: string }): readonly string[] {
  return toolFormat === HARMONY ? harmonyStops : [];
}

function checkedFormats(
  { toolFormat, reasoningFormat }: { toolFormat: string; reasoningFormat: string },
): { toolFormat: ToolFormat; reasoningFormat: ReasoningFormat } {
  const formats = {
    toolFormat: oneOf(TOOL_FORMATS, toolFormat, "tool format"),
    reasoningFormat: oneOf(REASONING_FORMATS, reasoningFormat, "reasoning format"),
  };
  const names = [toolFormat, reasoningFormat];
  if (names.includes(HARMONY) && names.some((name) => name !== HARMONY && name !== "none")) {
    throw new RangeError(
      `Cannot create an output parser: ${HARMONY} goes with ${HARMONY} or none only, ` +
        `received tool format "${toolFormat}" and reasoning format "${reasoningFormat}"`,
    );
  }
  return formats;
}

function oneOf<Name extends string>(names: readonly Name[], received: string, what: string): Name {
  const name = names.find((each) => each === received);
  if (name !== undefined) return name;
  throw new RangeError(
    `Cannot create an output parser: ${what} must be one of ${names.join(", ")}, received "${received}"`,
  );
}
