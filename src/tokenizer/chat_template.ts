/**
 * Chat templates: messages in, the text that a model reads out, as `transformers` renders it.
 *
 * The template engine and its differences from Python's Jinja stay behind {@link ChatTemplate}: callers pass plain JSON.
 *
 * @module
 */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { RouterError } from "../errors.ts";
import { strftime } from "./python_strftime.ts";

/** A template that does not parse, or that refuses what it was given: 400, with the template's own message. */
export class ChatTemplateError extends RouterError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, "chat_template", 400, options);
  }
}

/** Options of {@link ChatTemplate.parse}. */
export interface ChatTemplateOptions {
  /** What `strftime_now` tells. Default: the system's clock. */
  now?: () => Date;
  /** Texts of `bos_token`, `eos_token` …, each a variable of the template. Default none. */
  specialTokens?: Readonly<Record<string, string>>;
}

/** What a conversation gives to its template. Every further field is a variable of the template. */
export interface ChatTemplateContext {
  readonly messages: readonly unknown[];
  /** Null and absent are the same: a conversation without tools. */
  readonly tools?: readonly unknown[] | null;
  /** Default false. */
  readonly add_generation_prompt?: boolean;
  readonly [variable: string]: unknown;
}

/** One template text, or several by name, of which `tool_use` serves conversations with tools and `default` the others. */
export type ChatTemplateSource = string | Readonly<Record<string, string>>;

type Program = ReturnType<typeof parse>;

/**
 * A parsed chat template.
 *
 * @example
 * ```ts
 * import { ChatTemplate } from "./chat_template.ts";
 *
 * const template = ChatTemplate.parse(
 *   "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{{ eos_token }}\n{% endfor %}",
 *   { specialTokens: { eos_token: "<|im_end|>" } },
 * );
 * const text = template.render({ messages: [{ role: "user", content: "Hi" }] });
 * if (text !== "<|im_start|>user\nHi<|im_end|>\n") throw new Error(text);
 * ```
 */
export class ChatTemplate {
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #specialTokens: Readonly<Record<string, string>>;
  readonly #now: () => Date;

  private constructor(programs: ReadonlyMap<string, Program>, options: ChatTemplateOptions) {
    this.#programs = programs;
    this.#specialTokens = options.specialTokens ?? {};
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Parses a template.
   *
   * @throws {ChatTemplateError} when it is malformed
   */
  static parse(source: ChatTemplateSource, options: ChatTemplateOptions = {}): ChatTemplate {
    const named = typeof source === "string" ? { default: source } : source;
    const programs = Object.entries(named).map(([name, text]) => [name, parseProgram(name, text)] as const);
    return new ChatTemplate(new Map(programs), options);
  }

  /** Names of the templates: `default` for one that stands alone. */
  get names(): readonly string[] {
    return [...this.#programs.keys()];
  }

  /**
   * Renders a conversation.
   *
   * @throws {ChatTemplateError} when the template refuses it (`raise_exception`) or fails on it
   */
  render(context: ChatTemplateContext): string {
    const program = this.#select(context);
    try {
      return String(new Interpreter(this.#environment(context)).run(program).value);
    } catch (error) {
      throw new ChatTemplateError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  #select(context: ChatTemplateContext): Program {
    const hasTools = context.tools !== null && context.tools !== undefined;
    const program = (hasTools ? this.#programs.get("tool_use") : undefined) ?? this.#programs.get("default");
    if (program !== undefined) return program;
    throw new ChatTemplateError(
      `Cannot render the chat template: none of ${this.names.join(", ")} is for conversations ${
        hasTools ? "with" : "without"
      } tools`,
    );
  }

  /** The conversation's variables above the functions and constants that every template has. */
  #environment(context: ChatTemplateContext): Environment {
    const globals = new Environment();
    for (const [name, value] of Object.entries(this.#globals())) globals.set(name, value);
    const variables = new Environment(globals);
    variables.variables.clear(); // a conversation may have a variable by the name of a built-in one
    const given = { tools: null, documents: null, add_generation_prompt: false, ...this.#specialTokens };
    for (const [name, value] of Object.entries({ ...given, ...context })) {
      if (value !== undefined) variables.set(name, value);
    }
    return variables;
  }

  #globals(): Record<string, unknown> {
    return {
      true: true,
      True: true,
      false: false,
      False: false,
      none: null,
      None: null,
      range,
      raise_exception: raiseException,
      strftime_now: (format: string) => strftime(this.#now(), format),
    };
  }
}

/** Python's Jinja reads every line end as `\n`. Blocks are trimmed as `transformers` has it. */
function parseProgram(name: string, text: string): Program {
  try {
    return parse(tokenize(text.replace(/\r\n?/g, "\n"), { lstrip_blocks: true, trim_blocks: true }));
  } catch (error) {
    throw new ChatTemplateError(`Cannot parse the chat template ${name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A template's own words for what it refuses. */
function raiseException(message: unknown): never {
  throw new Error(String(message));
}

/** Most numbers that `range` gives: templates come with models, which come from anywhere. Python's sandbox has the same. */
const RANGE_MAX = 100_000;

/** Python's `range` as a list. */
function range(...bounds: number[]): number[] {
  const [start, stop, step] = bounds.length > 1
    ? [bounds[0]!, bounds[1]!, bounds[2] ?? 1]
    : [0, bounds[0] ?? 0, 1];
  if (step === 0) throw new Error("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > RANGE_MAX) {
    throw new Error(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${RANGE_MAX}).`);
  }
  return Array.from({ length }, (_, index) => start + index * step);
}
