/** What a model says, and a parser that is obviously right. */
import type { JsonObject, JsonValue, Random } from "../../../../src/types.ts";

const WORDS = ["HAVING", "the json", "你好", "🚀🎉", "12 the\n\n", "", "jsonp", " ", "yes"];
const ARGUMENTS = ['{"a":1}', '{ "b": false, "a": [1, "x"] }', "{}", '{"text": "你\\n"}'];

/** A reply as the model writes it. */
export function randomSaying(random: Random, reasons: boolean): string {
  const pick = (items: readonly string[]) => items[Math.floor(random() * items.length)]!;
  const reasoning = reasons && random() < 0.6
    ? `<think>\n${random() < 0.3 ? "yes" : `${pick(WORDS)} so ${pick(WORDS)}.`}\n</think>\n\n`
    : "";
  const content = random() < 0.8 ? `${pick(WORDS)}${pick(WORDS)}` : "";
  const calls = random() < 0.3 ? 1 + Math.floor(random() * 2) : 0;
  let text = reasoning + content;
  for (let call = 0; call < calls; call++) {
    text += `<tool_call>{"name": "look", "arguments": ${pick(ARGUMENTS)}}</tool_call>`;
  }
  return text;
}

/** The message that the client gets of a model's text. */
export function parseReply(text: string, mint: () => string): JsonObject {
  let rest = text;
  const reply: Record<string, JsonValue> = { role: "assistant" };
  if (rest.startsWith("<think>\n")) {
    const [reasoning, ...after] = rest.slice("<think>\n".length).split("\n</think>\n\n");
    reply.reasoning_content = reasoning!;
    rest = after.join("\n</think>\n\n");
  }
  const calls: JsonValue[] = [];
  const call = /^(.*?)<tool_call>\{"name": "look", "arguments": (\{[^<]*\})\}<\/tool_call>/s;
  const first = call.exec(rest);
  let content = first === null ? rest : first[1]!;
  rest = first === null ? "" : rest.slice(content.length);
  for (let found = call.exec(rest); found !== null && found[1] === ""; found = call.exec(rest)) {
    calls.push({ id: mint(), type: "function", function: { name: "look", arguments: found[2]! } });
    rest = rest.slice(found[0].length);
  }
  if (rest !== "") [content, calls.length] = [text, 0]; // a call that was cut: all of it is content
  if (rest !== "") delete reply.reasoning_content;
  reply.content = content === "" && calls.length > 0 ? null : content;
  if (calls.length > 0) reply.tool_calls = calls;
  return reply;
}
