/**
 * Chat templates: messages in, the text a model reads out, as `transformers` renders it.
 *
 * @module
 */
import { Template } from "@huggingface/jinja";
import { RouterError } from "../errors.ts";

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

/** What a conversation gives to its template. Further fields are variables of the template. */
export interface ChatTemplateContext {
  readonly messages: readonly unknown[];
  readonly tools?: readonly unknown[] | null;
  readonly add_generation_prompt?: boolean;
  readonly [variable: string]: unknown;
}

/** One template text, or several by name, of which `tool_use` serves conversations with tools and `default` the others. */
export type ChatTemplateSource = string | Readonly<Record<string, string>>;

/** A parsed chat template. */
export class ChatTemplate {
  readonly #templates: ReadonlyMap<string, Template>;
  readonly #specialTokens: Readonly<Record<string, string>>;

  private constructor(templates: ReadonlyMap<string, Template>, options: ChatTemplateOptions) {
    this.#templates = templates;
    this.#specialTokens = options.specialTokens ?? {};
  }

  /** Parses a template. Throws {@link ChatTemplateError} when it is malformed. */
  static parse(source: ChatTemplateSource, options: ChatTemplateOptions = {}): ChatTemplate {
    const named = typeof source === "string" ? { default: source } : source;
    return new ChatTemplate(
      new Map(Object.entries(named).map(([name, text]) => [name, parseOne(text)])),
      options,
    );
  }

  /** Renders a conversation. Throws {@link ChatTemplateError} when the template refuses it. */
  render(context: ChatTemplateContext): string {
    const template = this.#templates.get(
      context.tools && this.#templates.has("tool_use") ? "tool_use" : "default",
    );
    if (template === undefined) {
      throw new ChatTemplateError("Cannot render the chat template: none is named default");
    }
    try {
      return template.render({
        tools: null,
        documents: null,
        add_generation_prompt: false,
        ...this.#specialTokens,
        ...context,
      });
    } catch (error) {
      throw new ChatTemplateError((error as Error).message, { cause: error });
    }
  }
}

function parseOne(text: string): Template {
  try {
    return new Template(text);
  } catch (error) {
    throw new ChatTemplateError(`Cannot parse the chat template: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
