import assert from "node:assert/strict";
import { ChatTemplate, ChatTemplateError } from "../../../src/tokenizer/chat_template.ts";
import { assertRendersAsGolden, GOLDEN_TEMPLATES } from "../../support/golden_templates.ts";

for (const [name, { template }] of Object.entries(GOLDEN_TEMPLATES.templates)) {
  if (template === undefined) continue;
  Deno.test(`ChatTemplate.render() equals transformers on ${name}`, () => assertRendersAsGolden(name, template));
}
