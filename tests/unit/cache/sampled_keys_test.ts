import assert from "node:assert/strict";
import { sampledKeys, type TextRelation } from "../../../src/cache/sampled_keys.ts";
import type { FinishReason } from "../../../src/engine/engine.ts";
import { loadTinyTokenizer } from "../../support/tiny_tokenizer.ts";

const { tokenizer } = await loadTinyTokenizer();
const STOP = "<|im_end|>";
const STOP_ID = tokenizer.tokenToId(STOP)!;
const HALF = [...tokenizer.encode("🚀")].slice(0, 1);

type Key = [text: string, tokens?: number | "retrieve only"];

const CASES: readonly {
  readonly name: string;
  readonly ids: ArrayLike<number>;
  readonly text: string | null;
  readonly finish: FinishReason | null;
  readonly keys: Key[];
  readonly relation: TextRelation;
}[] = [
  {
    name: "equal text",
    ids: tokenizer.encode("HAVING"),
    text: "HAVING",
    finish: { type: "length" },
    keys: [["HAVING"]],
    relation: "equal",
  },
  {
    name: "stop token left out",
    ids: tokenizer.encode(`HAVING${STOP}`),
    text: "HAVING",
    finish: { type: "stop", matched: STOP_ID },
    keys: [[`HAVING${STOP}`], ["HAVING", 2]],
    relation: "stop token left out",
  },
  {
    name: "stop token kept in the text",
    ids: tokenizer.encode(`HAVING${STOP}`),
    text: `HAVING${STOP}`,
    finish: { type: "stop", matched: STOP_ID },
    keys: [[`HAVING${STOP}`], ["HAVING", 2]],
    relation: "equal",
  },
  {
    name: "a plain token as stop token",
    ids: tokenizer.encode("HAVING"),
    text: "HAV",
    finish: { type: "stop", matched: tokenizer.tokenToId("ING")! },
    keys: [["HAVING"], ["HAV", 1]],
    relation: "stop token left out",
  },
  {
    name: "a stop token that came as the last one allowed",
    ids: tokenizer.encode(`HAVING${STOP}`),
    text: "HAVING",
    finish: { type: "length" },
    keys: [[`HAVING${STOP}`], ["HAVING", 2]],
    relation: "stop token left out",
  },
  {
    name: "nothing but the stop token",
    ids: [STOP_ID],
    text: "",
    finish: { type: "stop", matched: STOP_ID },
    keys: [[STOP]],
    relation: "stop token left out",
  },
  {
    name: "stop string left out",
    ids: tokenizer.encode("HAVING json"),
    text: "HAVING ",
    finish: { type: "stop", matched: "json" },
    keys: [["HAVING json"], ["HAVING ", "retrieve only"]],
    relation: "stop string left out",
  },
  {
    name: "stop string left out, and a special token before it",
    ids: tokenizer.encode("HAV<|im_start|>ING json"),
    text: "HAVING ",
    finish: { type: "stop", matched: "json" },
    keys: [["HAV<|im_start|>ING json"], ["HAVING ", "retrieve only"]],
    relation: "stop string left out",
  },
  {
    name: "nothing in front of the stop string",
    ids: tokenizer.encode("json"),
    text: "",
    finish: { type: "stop", matched: "json" },
    keys: [["json"]],
    relation: "stop string left out",
  },
  {
    name: "special tokens left out",
    ids: tokenizer.encode("HAV<|im_start|>ING"),
    text: "HAVING",
    finish: { type: "length" },
    keys: [["HAV<|im_start|>ING"], ["HAVING"]],
    relation: "special tokens left out",
  },
  {
    name: "special tokens left out, stop token too",
    ids: tokenizer.encode(`HAV<|im_start|>ING${STOP}`),
    text: "HAVING",
    finish: { type: "stop", matched: STOP_ID },
    keys: [[`HAV<|im_start|>ING${STOP}`], ["HAV<|im_start|>ING", 3], [`HAVING${STOP}`], ["HAVING", 3]],
    relation: "special tokens left out",
  },
  {
    name: "an incomplete character shown as U+FFFD",
    ids: HALF,
    text: "\ufffd",
    finish: { type: "length" },
    keys: [["\ufffd"], ["\ufffd"]],
    relation: "special tokens left out",
  },
  {
    name: "no text",
    ids: tokenizer.encode(`HAVING${STOP}`),
    text: null,
    finish: { type: "stop" },
    keys: [[`HAVING${STOP}`], ["HAVING", 2]],
    relation: "unknown",
  },
  {
    name: "another tokenizer's text",
    ids: tokenizer.encode("HAVING"),
    text: "quite different",
    finish: { type: "length" },
    keys: [["HAVING"], ["quite different"]],
    relation: "unexplained",
  },
  { name: "nothing at all", ids: [], text: "", finish: { type: "length" }, keys: [[""]], relation: "equal" },
];

for (const { name, ids, text, finish, keys, relation } of CASES) {
  Deno.test(`sampledKeys(): ${name}`, () => {
    const found = sampledKeys(tokenizer, Uint32Array.from(ids), text, finish);
    const shown = found.keys.map(({ text, tokens, retrieveOnly }) => {
      const shownText = typeof text === "string" ? text : new TextDecoder().decode(text);
      const use = retrieveOnly ? "retrieve only" : tokens;
      return use === undefined ? [shownText] : [shownText, use];
    });
    assert.deepEqual(shown, keys);
    assert.equal(found.relation, relation);
    assert.ok(found.keys.length <= 4, "the trie takes four");
  });
}

Deno.test("sampledKeys() keeps the bytes of an incomplete character in the first key", () => {
  const { keys } = sampledKeys(tokenizer, Uint32Array.from(HALF), "\ufffd", { type: "length" });
  assert.deepEqual(keys[0]!.text, tokenizer.decodeBytes(HALF));
});
