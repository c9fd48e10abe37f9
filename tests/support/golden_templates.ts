/** Renders by `transformers`, and the check of ours against them. */
import assert from "node:assert/strict";
import {
  ChatTemplate,
  type ChatTemplateContext,
  ChatTemplateError,
} from "../../src/tokenizer/chat_template.ts";

interface GoldenTemplates {
  /** Local time that `strftime_now` told. */
  readonly now: string;
  /** The text of a model's template is not here but in the package that carries the model's files. */
  readonly templates: Record<string, { template?: string; special_tokens: Record<string, string> }>;
  readonly conversations: Record<string, ChatTemplateContext>;
  /** By `template/conversation`: the text, or the error of a template that refused. */
  readonly renders: Record<string, { text?: string; error?: string; type?: string }>;
}

/** The renders in `tests/fixtures/tokenizer/golden_templates.json`. */
export const GOLDEN_TEMPLATES: GoldenTemplates = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/tokenizer/golden_templates.json", import.meta.url)),
);

/** Asserts that a template renders every golden conversation as `transformers` does, or refuses where it refuses. */
export function assertRendersAsGolden(name: string, source: string): void {
  const { templates, now, conversations, renders } = GOLDEN_TEMPLATES;
  const template = ChatTemplate.parse(source, {
    specialTokens: templates[name]!.special_tokens,
    now: () => new Date(now),
  });
  for (const [title, conversation] of Object.entries(conversations)) {
    const golden = renders[`${name}/${title}`]!;
    if (golden.text !== undefined) {
      assert.equal(template.render(conversation), golden.text, title);
    } else {
      assert.throws(() => template.render(conversation), (error) => {
        assert.ok(error instanceof ChatTemplateError, title);
        if (golden.type === "TemplateError") assert.equal(error.message, golden.error, title); // raise_exception
        return true;
      });
    }
  }
}
