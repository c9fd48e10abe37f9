import assert from "node:assert/strict";
import { deltasOf } from "../../../src/proxy/chat/chat_chunks.ts";
import { StopFilter } from "../../../src/proxy/chat/stop_filter.ts";
import { TokenText } from "../../../src/proxy/chat/token_text.ts";
import { loadTinyTokenizer } from "../../support/tiny_tokenizer.ts";

Deno.test("StopFilter holds what may be a stop string, and hides the one that stopped", () => {
  const cases: [
    name: string,
    stops: string[],
    texts: string[],
    matched: string | number | undefined,
    out: string[],
  ][] = [
    ["no stops", [], ["a", "b"], undefined, ["a", "b", ""]],
    ["matched in one piece", ["STOP"], ["a STOP b"], "STOP", ["a ", ""]],
    ["matched over pieces", ["STOP"], ["a S", "TO", "P"], "STOP", ["a ", "", "", ""]],
    ["a beginning that comes to nothing", ["STOP"], ["a ST", "ART"], undefined, ["a ", "START", ""]],
    ["a beginning at the end", ["STOP"], ["a ST"], 7, ["a ", "ST"]],
    ["passed over by the engine", ["STOP"], ["STOP", " on"], undefined, ["", "STOP on", ""]],
    ["passed over, then matched", ["ST"], ["ST", "x", "ST"], "ST", ["", "STx", "", ""]],
    ["the longer of two", ["ab", "abc"], ["xab", "c"], "abc", ["x", "", ""]],
  ];
  for (const [name, stops, texts, matched, out] of cases) {
    const filter = new StopFilter(stops);
    const given = texts.map((text) => filter.push([{ text, special: false }]));
    const text = [...given, filter.end(matched)].map((pieces) => pieces.map((piece) => piece.text).join(""));
    assert.deepEqual(text, out, name);
  }
});

Deno.test("StopFilter hides the stop string at the end when the engine does not name it", () => {
  const cases: [name: string, stops: string[], texts: string[], out: string][] = [
    ["in one piece", ["STOP"], ["a STOP"], "a "],
    ["over pieces", ["STOP"], ["a S", "TO", "P"], "a "],
    ["behind it", ["STOP"], ["a S", "TO", "P b"], "a "],
    ["the earlier of two", ["P", "STOP"], ["a ST", "OP"], "a "],
    ["passed over by the engine", ["ST"], ["ST", "x"], "STx"],
    ["passed over, then at the end", ["ST"], ["ST", "ST"], "ST"],
    ["a beginning only", ["STOP"], ["a ST"], "a ST"],
    ["none", ["STOP"], ["a"], "a"],
  ];
  for (const [name, stops, texts, out] of cases) {
    const filter = new StopFilter(stops);
    const given = texts.flatMap((text) => filter.push([{ text, special: false }]));
    const text = [...given, ...filter.end(undefined, true)].map((piece) => piece.text).join("");
    assert.equal(text, out, name);
  }
});

Deno.test("StopFilter leaves a delimiter out whole when it stopped the sample", () => {
  const filter = new StopFilter(["</tool_call>"]);
  const first = filter.push([{ text: "a", special: false }, { text: "</tool_call>", special: true }]);
  assert.deepEqual([first, filter.end("</tool_call>")], [[{ text: "a", special: false }], []]);
});

Deno.test("TokenText gives characters whole, delimiters apart, and leaves other special tokens out", async () => {
  const { tokenizer } = await loadTinyTokenizer();
  const id = (content: string) => tokenizer.tokenToId(content)!;
  const delimiters = new Map([[id("<think>"), "<think>"]]);
  const bytes = [...new TextEncoder().encode("🚀")];
  const ids = [id("<think>"), ...bytes, id("<|endoftext|>"), bytes[0]!];
  const pieces = (keepsSpecialTokens: boolean, isPiecePerToken: boolean) => {
    const text = new TokenText({ tokenizer, delimiters, keepsSpecialTokens, isPiecePerToken });
    return [...text.push(ids), ...text.end()].map((piece) => piece.text);
  };
  assert.deepEqual(pieces(false, false), ["<think>", "🚀", "\ufffd"]);
  assert.deepEqual(pieces(true, false), ["<think>", "🚀<|endoftext|>", "\ufffd"]);
  assert.deepEqual(pieces(true, true), ["<think>", "🚀", "<|endoftext|>", "\ufffd"]);
  tokenizer.close();
});

Deno.test("deltasOf() joins neighbours of one field, and begins a call with its name", () => {
  const call = (index: number) => ({
    type: "tool_call_start" as const,
    index,
    id: `c${index}`,
    name: "f",
    raw: "",
  });
  const more = (index: number, text: string) => ({
    type: "tool_call_arguments" as const,
    index,
    text,
    raw: text,
  });
  const deltas = deltasOf([
    { type: "reasoning", text: "a", raw: "a" },
    { type: "reasoning", text: "b", raw: "b" },
    { type: "markup", raw: "</think>" },
    { type: "content", text: "c", raw: "c" },
    call(0),
    more(0, "{"),
    more(0, "}"),
    { type: "tool_call_end", index: 0, complete: true, raw: "" },
    call(1),
  ]);
  const begun = (index: number, text: string) => ({
    tool_calls: [{ index, id: `c${index}`, type: "function", function: { name: "f", arguments: text } }],
  });
  assert.deepEqual(deltas, [{ reasoning_content: "ab" }, { content: "c" }, begun(0, "{}"), begun(1, "")]);
  assert.deepEqual(deltasOf([more(3, "x"), more(3, "y")]), [{
    tool_calls: [{ index: 3, function: { arguments: "xy" } }],
  }]);
});
