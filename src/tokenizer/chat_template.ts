/**
 * Chat templates: messages in, the text that a model reads out, as `transformers` renders it.
 *
 * Templates are written for Python's Jinja, and a render that differs in one space is another prompt: the engine in
 * `template/` has Python's values and Jinja's rules. It stays behind {@link ChatTemplate}: callers pass JSON.
 *
 * @module
 */
import { RouterError } from "../errors.ts";
import type { JsonValue } from "../types.ts";
import { PythonError } from "./template/errors.ts";
import { compileTemplate, type Renderer } from "./template/template.ts";

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
  readonly #renderers: ReadonlyMap<string, Renderer>;
  readonly #specialTokens: Readonly<Record<string, string>>;

  private constructor(
    renderers: ReadonlyMap<string, Renderer>,
    specialTokens: Readonly<Record<string, string>>,
  ) {
    this.#renderers = renderers;
    this.#specialTokens = specialTokens;
  }

  /**
   * Parses a template.
   *
   * @throws {ChatTemplateError} when it is malformed
   */
  static parse(source: ChatTemplateSource, options: ChatTemplateOptions = {}): ChatTemplate {
    const { now = () => new Date(), specialTokens = {} } = options;
    const named = typeof source === "string" ? { default: source } : source;
    const renderers = Object.entries(named).map(([name, text]) => [name, compile(name, text, now)] as const);
    return new ChatTemplate(new Map(renderers), specialTokens);
  }

  /** Names of the templates: `default` for one that stands alone. */
  get names(): readonly string[] {
    return [...this.#renderers.keys()];
  }

  /**
   * Renders a conversation: plain JSON, or what `parseJson` gives, which keeps `1.0` apart from `1`. Time is linear in
   * the conversation, unless the template itself is not.
   *
   * @throws {ChatTemplateError} when the template refuses it (`raise_exception`) or fails on it
   * @throws {TypeError} when `context` is no object
   */
  render(context: ChatTemplateContext | JsonValue): string {
    if (!isVariables(context)) {
      throw new TypeError(
        `Cannot render the chat template: variables must be an object, received ${typeof context}`,
      );
    }
    const renderer = this.#select(context);
    const given = { tools: null, documents: null, add_generation_prompt: false, ...this.#specialTokens };
    try {
      return renderer({ ...given, ...context });
    } catch (error) {
      throw new ChatTemplateError(messageOf(error), { cause: error });
    }
  }

  #select(context: Readonly<Record<string, unknown>>): Renderer {
    const hasTools = context.tools !== null && context.tools !== undefined;
    const renderer = (hasTools ? this.#renderers.get("tool_use") : undefined) ??
      this.#renderers.get("default");
    if (renderer !== undefined) return renderer;
    throw new ChatTemplateError(
      `Cannot render the chat template: none of ${this.names.join(", ")} is for conversations ${
        hasTools ? "with" : "without"
      } tools`,
    );
  }
}

function isVariables(context: unknown): context is Readonly<Record<string, unknown>> {
  return typeof context === "object" && context !== null && !Array.isArray(context);
}

function compile(name: string, text: string, now: () => Date): Renderer {
  try {
    return compileTemplate(text, now);
  } catch (error) {
    throw new ChatTemplateError(`Cannot parse the chat template ${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The template's or Python's own words; for what Python would not raise, such as too deep a recursion, the engine's. */
function messageOf(error: unknown): string {
  if (error instanceof PythonError) return error.message;
  return `Cannot render the chat template: ${error instanceof Error ? error.message : String(error)}`;
}
