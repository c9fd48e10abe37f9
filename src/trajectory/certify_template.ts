/**
 * What a chat template promises, found out before the first request: does a conversation that goes on keep its beginning?
 *
 * @module
 */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { JsonObject } from "../types.ts";
import { type CertificationProbe, probesOf } from "./certification_probes.ts";
import { ChatRenderer, type MessageForm, type RenderSettings, type Template } from "./chat_renderer.ts";
import { closingOf } from "./closing.ts";
import { extensionOf } from "./extension.ts";
import { placeholder, printsReasoning, textAround } from "./placeholder.ts";

/** How a template breaks a conversation. */
export type CertificationFailure =
  | "refused" // the template throws
  | "prompt changes" // it renders what stood before the assistant's turn anew
  | "words left out"; // it drops reasoning, content or calls of the assistant's turn

/** The smallest conversation that a template does not keep. */
export interface Counterexample {
  readonly failure: CertificationFailure;
  /** Messages up to the assistant's turn, that turn included. */
  readonly messages: readonly JsonObject[];
  /** Messages that are appended. */
  readonly appended: readonly JsonObject[];
  /** UTF-16 offset in the longer prompt at which it departs from the shorter one. */
  readonly atUnit: number;
  /** Up to `SHOWN_UNITS` from there on, of the shorter prompt and of the longer one; or the template's refusal. */
  readonly expected: string;
  readonly found: string;
}

/** What a template was found to do. */
export interface TemplateCertificate {
  /** Both kinds of turn keep their beginning: no fork will ever be the template's. */
  readonly isCertified: boolean;
  readonly appendOnly: { readonly user: boolean; readonly tool: boolean };
  /** The smallest for each kind that fails. */
  readonly counterexamples: { readonly user: Counterexample | null; readonly tool: Counterexample | null };
  /** What the template writes at the two junctions: behind an assistant's words, and before them. */
  readonly junctions: { readonly closing: string; readonly generationPrompt: string };
  /** Encoding the longer prompt begins with the ids of the shorter one, in every probe that keeps its text. */
  readonly isPrefixExactOnIds: boolean;
  readonly form: MessageForm;
}

/** Characters of a counterexample that are shown. */
const SHOWN_UNITS = 80;

/** Options of {@link certifyTemplate}. */
export interface CertifyOptions {
  /** Variables that every request gives to the template. Default none. */
  readonly templateKwargs?: JsonObject;
  /** Renders with it in place of a fresh renderer. */
  readonly renderer?: ChatRenderer;
  /** What the clock tells the template. Default: the epoch. */
  readonly dateMs?: number;
}

/**
 * Tries a template on small conversations, the smallest first. Some 30 renders.
 *
 * @example
 * ```ts ignore
 * const { tokenizer, chatTemplate } = await loadTokenizer("models/Qwen3-8B");
 * const certificate = certifyTemplate(chatTemplate, tokenizer);
 * if (!certificate.isCertified) log.warn("{counterexamples}", { ...certificate });
 * ```
 */
export function certifyTemplate(
  template: Template,
  tokenizer: Tokenizer,
  options: CertifyOptions = {},
): TemplateCertificate {
  const renderer = options.renderer ?? new ChatRenderer(template);
  const settings: RenderSettings = {
    tools: null,
    templateKwargs: options.templateKwargs ?? {},
    dateMs: options.dateMs ?? 0,
  };
  const closing = closingOf(renderer, settings);
  let isPrefixExactOnIds = true;
  const smallest: Record<CertificationProbe["kind"], Counterexample | null> = { user: null, tool: null };
  for (const probe of probesOf(renderer, settings)) {
    const result = tryProbe(probe, renderer, settings, closing);
    if (result === null) continue;
    if ("failure" in result) smallest[probe.kind] ??= result;
    else isPrefixExactOnIds &&= keepsIds(tokenizer, result.shorter, result.longer);
  }
  return {
    isCertified: smallest.user === null && smallest.tool === null,
    appendOnly: { user: smallest.user === null, tool: smallest.tool === null },
    counterexamples: smallest,
    junctions: { closing, generationPrompt: generationPromptOf(renderer, settings) },
    isPrefixExactOnIds,
    form: renderer.form,
  };
}

/** What a probe shows; null where the template takes no such conversation to begin with. */
function tryProbe(
  { before, reply, appended }: CertificationProbe,
  renderer: ChatRenderer,
  settings: RenderSettings,
  closing: string,
): Counterexample | { shorter: string; longer: string } | null {
  if (before.length > 1 && refuses(renderer, before, settings)) return null;
  const conversation = { messages: [...before, reply], appended };
  const all = [...before, reply, ...appended];
  let shorter: string, longer: string;
  try {
    shorter = renderer.render(before, settings, true);
    longer = renderer.render(all, settings, true);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { ...conversation, failure: "refused", atUnit: 0, expected: "", found };
  }
  const fails = (failure: CertificationFailure, expected: string): Counterexample => {
    const atUnit = commonPrefix(expected, longer);
    const shown = (text: string) => text.slice(atUnit, atUnit + SHOWN_UNITS);
    return { ...conversation, failure, atUnit, expected: shown(expected), found: shown(longer) };
  };
  if (!longer.startsWith(shorter)) return fails("prompt changes", shorter);
  // A body that no prompt has: what counts here is the turn in the template's words.
  const sampled = { body: placeholder(0), stop: "" };
  const status = "completed" as const;
  const turn = { promptUnits: shorter.length, sampled, reply, status, reasoningOpen: false };
  const textBehind = () => textAround(renderer, all, settings, true, [before.length])?.[1] ?? null;
  const parts = {
    prompt: longer,
    closing,
    textBehind,
    printsReasoning: () => printsReasoning(renderer, all, settings, true, before.length),
  };
  if (extensionOf(turn, parts) !== null) return { shorter, longer };
  return fails("words left out", renderer.render([...before, reply], settings, false));
}

function refuses(renderer: ChatRenderer, messages: readonly JsonObject[], settings: RenderSettings): boolean {
  try {
    renderer.render(messages, settings, true);
    return false;
  } catch {
    return true;
  }
}

function keepsIds(tokenizer: Tokenizer, shorter: string, longer: string): boolean {
  const ids = tokenizer.encode(longer);
  return tokenizer.encode(shorter).every((id, index) => id === ids[index]);
}

function generationPromptOf(renderer: ChatRenderer, settings: RenderSettings): string {
  const user: JsonObject = { role: "user", content: "x" };
  try {
    const without = renderer.render([user], settings, false);
    const text = renderer.render([user], settings, true);
    return text.startsWith(without) ? text.slice(without.length) : "";
  } catch {
    return "";
  }
}

function commonPrefix(left: string, right: string): number {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return length;
}
