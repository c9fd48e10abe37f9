/** What client libraries make of an assistant message before they send it back. */
import type { JsonObject, JsonValue, Random } from "../../../../src/types.ts";

/** A copy that means the same. A library keeps reasoning or does not: it does not change its mind. */
export function lossyCopy(message: JsonObject, keepsReasoning: boolean, random: Random): JsonObject {
  const copy: Record<string, JsonValue> = structuredClone(message);
  if (!keepsReasoning) delete copy.reasoning_content;
  const isBlank = copy.content === null || copy.content === "";
  if (isBlank) copy.content = random() < 0.5 ? "" : null;
  if (isBlank && random() < 0.3) delete copy.content;
  if (typeof copy.content === "string" && copy.content !== "" && random() < 0.3) {
    copy.content = [{ type: "text", text: copy.content }];
  }
  if (Array.isArray(copy.tool_calls)) {
    copy.tool_calls = copy.tool_calls.map((call) => rewritten(call as JsonObject, random));
  } else if (random() < 0.3) {
    copy.tool_calls = random() < 0.5 ? null : [];
  }
  if (random() < 0.3) Object.assign(copy, { refusal: null, audio: null, annotations: [] });
  return random() < 0.3 ? Object.fromEntries(Object.entries(copy).reverse()) : copy;
}

function rewritten(call: JsonObject, random: Random): JsonObject {
  const called = call.function as { name: string; arguments: string };
  const args = JSON.parse(called.arguments) as JsonObject;
  const reversed = Object.fromEntries(Object.entries(args).reverse());
  const text = random() < 0.5 ? JSON.stringify(reversed) : JSON.stringify(args, null, 1);
  const isNone = Object.keys(args).length === 0 && random() < 0.5;
  return { ...call, function: { arguments: isNone ? "" : text, name: called.name } };
}
