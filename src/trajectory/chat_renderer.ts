/**
 * Conversations as a chat template wants them: arguments of tool calls as objects or strings, absent content as null or
 * "", content parts or plain text. Which it is, the template tells by what it prints.
 *
 * @module
 */
import { parseJson } from "../tokenizer/parse_json.ts";
import type { JsonObject } from "../types.ts";
import { isPlainObject, plainContent, REASONING_FIELDS, reasoningOf } from "./canonical.ts";
import type { TemplateClock } from "./template_clock.ts";

/** The part of a chat template that is used. */
export interface Template {
  render(context: { messages: readonly unknown[]; [variable: string]: unknown }): string;
}

/** Everything but the messages that a conversation is rendered with. */
export interface RenderSettings {
  readonly tools: readonly unknown[] | null;
  readonly templateKwargs: JsonObject;
  /** What the clock tells the template. */
  readonly dateMs: number;
}

/** Options of {@link ChatRenderer}. */
export interface ChatRendererOptions {
  /** The clock that the template was given: it stands still while a conversation is rendered. Default: it goes on. */
  readonly clock?: TemplateClock;
}

/** How a template wants messages. */
export interface MessageForm {
  /** Arguments of tool calls: as objects (`tojson` in the template) or as the strings they came as. */
  readonly argumentsAs: "object" | "string";
  /** Absent content: as "" or as null. */
  readonly absentContentAs: "" | null;
  /** Lists of content parts are read by the template; otherwise their texts are joined by newlines. */
  readonly readsParts: boolean;
  /** Reasoning is read from `thinking`, as gpt-oss's template does, not from the names that clients give back. */
  readonly readsThinking: boolean;
}

/** Most conversations have objects and ""; the first form in which a template prints the call's name and value is taken. */
const CALL_FORMS: readonly Pick<MessageForm, "argumentsAs" | "absentContentAs">[] = [
  { argumentsAs: "object", absentContentAs: "" },
  { argumentsAs: "object", absentContentAs: null },
  { argumentsAs: "string", absentContentAs: "" },
  { argumentsAs: "string", absentContentAs: null },
];

/** Renders conversations with one template. */
export class ChatRenderer {
  readonly #template: Template;
  readonly #clock: TemplateClock | null;
  #form: MessageForm | null = null;

  /** Closings by template arguments: what `closing.ts` has found out. */
  readonly closings: Map<string, string> = new Map();

  constructor(template: Template, options: ChatRendererOptions = {}) {
    this.#template = template;
    this.#clock = options.clock ?? null;
  }

  /** How this template wants messages, found out with the first conversation. */
  get form(): MessageForm {
    return this.#form ??= {
      ...this.#callForm(),
      readsParts: this.#readsParts(),
      readsThinking: this.#readsThinking(),
    };
  }

  /**
   * The text of a conversation.
   *
   * @param generate with the header of the assistant's turn behind it
   * @throws {ChatTemplateError} when the template refuses it
   */
  render(messages: readonly JsonObject[], settings: RenderSettings, generate: boolean): string {
    return this.#render(messages, settings, generate, this.form);
  }

  #render(
    messages: readonly JsonObject[],
    { tools, templateKwargs, dateMs }: RenderSettings,
    generate: boolean,
    form: MessageForm,
  ): string {
    const context = {
      ...templateKwargs,
      messages: messages.map((message) => this.#inForm(message, form)),
      tools: tools?.length ? tools : null,
      add_generation_prompt: generate,
    };
    const render = () => this.#template.render(context);
    return this.#clock === null ? render() : this.#clock.at(dateMs, render);
  }

  #inForm(given: JsonObject, form: MessageForm): JsonObject {
    const message = withReasoning(withoutAbsent(given));
    const hasCalls = Array.isArray(message.tool_calls) && message.tool_calls.length > 0;
    const content = this.#content(message, hasCalls, form);
    const thinking = form.readsThinking ? thinkingOf(message, hasCalls) : {};
    if (!hasCalls && content === message.content && !("thinking" in thinking)) return message;
    const calls = hasCalls && form.argumentsAs === "object"
      ? { tool_calls: (message.tool_calls as unknown[]).map((call) => this.#withObject(call)) }
      : {};
    return { ...message, ...calls, ...thinking, ...(content === undefined ? {} : { content }) } as JsonObject;
  }

  #content(message: JsonObject, hasCalls: boolean, form: MessageForm): unknown {
    const content = plainContent(message.content);
    const isAbsent = content === null || content === undefined || (hasCalls && content === "");
    if (isAbsent) return message.role === "assistant" ? form.absentContentAs : content;
    if (!Array.isArray(content) || form.readsParts) return content;
    const texts = content.map((part) =>
      isPlainObject(part) && typeof part.text === "string" ? part.text : null
    );
    return texts.includes(null) ? content : texts.join("\n");
  }

  #withObject(call: unknown): unknown {
    const called = isPlainObject(call) ? call.function : undefined;
    if (!isPlainObject(call) || !isPlainObject(called) || typeof called.arguments !== "string") return call;
    try {
      const text = called.arguments.trim();
      return { ...call, function: { ...called, arguments: text === "" ? {} : parseJson(text) } };
    } catch {
      return call; // what the model wrote is no JSON: the template gets the model's words
    }
  }

  #callForm(): Pick<MessageForm, "argumentsAs" | "absentContentAs"> {
    const call = { name: "probe_name", arguments: '{"probe_key": "probe_value"}' };
    const messages: JsonObject[] = [
      { role: "user", content: "probe" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call00001", type: "function", function: call }],
      },
      { role: "tool", tool_call_id: "call00001", name: "probe_name", content: "probe" },
    ];
    const prints = (form: Pick<MessageForm, "argumentsAs" | "absentContentAs">) => {
      const text = this.#tryRender(messages, { ...form, readsParts: false, readsThinking: false });
      return text.includes("probe_name") && text.includes("probe_value") && !text.includes('\\"probe_key');
    };
    return CALL_FORMS.find(prints) ?? CALL_FORMS[0]!;
  }

  #readsParts(): boolean {
    const parts = ["probe one", "probe two"].map((text) => ({ type: "text", text }));
    const form: MessageForm = { ...CALL_FORMS[0]!, readsParts: true, readsThinking: false };
    const text = this.#tryRender([{ role: "user", content: parts }], form);
    return text.includes("probe one") && text.includes("probe two") && !/["']type["']/.test(text);
  }

  #readsThinking(): boolean {
    const said = { role: "assistant", content: "probe", thinking: "probe thought" };
    const form: MessageForm = { ...CALL_FORMS[0]!, readsParts: false, readsThinking: false };
    return this.#tryRender([{ role: "user", content: "probe" }, said], form).includes("probe thought");
  }

  #tryRender(messages: readonly JsonObject[], form: MessageForm): string {
    try {
      return this.#render(messages, { tools: null, templateKwargs: {}, dateMs: 0 }, false, form);
    } catch {
      return "";
    }
  }
}

/** Reasoning under the name `thinking`. With calls and text there is none: templates take one of the two, or refuse both. */
function thinkingOf(message: JsonObject, hasCalls: boolean): JsonObject {
  const reasoning = reasoningOf(message);
  const isTaken = message.thinking !== undefined || (hasCalls && (message.content ?? "") !== "");
  return message.role !== "assistant" || reasoning === "" || isTaken ? {} : { thinking: reasoning };
}

/**
 * Without the fields that are null, as SDKs write what is not there, and without an empty list of calls: templates that ask
 * whether there is a field (`'tool_calls' in message`) would find it. Content is left: its form is the template's affair.
 */
function withoutAbsent(message: JsonObject): JsonObject {
  const isAbsent = (name: string, value: unknown) =>
    name !== "content" &&
    (value === null || (name === "tool_calls" && Array.isArray(value) && value.length === 0));
  const entries = Object.entries(message);
  return entries.some(([name, value]) => isAbsent(name, value))
    ? Object.fromEntries(entries.filter(([name, value]) => !isAbsent(name, value)))
    : message;
}

/** Reasoning under the name that most templates read, as `transformers` 5 gives it to them. */
function withReasoning(message: JsonObject): JsonObject {
  const field = REASONING_FIELDS.find((name) => message[name] !== undefined && message[name] !== null);
  if (field === undefined || field === "reasoning_content") return message;
  return { ...message, reasoning_content: message[field]! };
}
