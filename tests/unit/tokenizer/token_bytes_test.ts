import assert from "node:assert/strict";
import { TokenizerLoadError } from "../../../src/errors.ts";
import { byteAlphabet, byteOfChar } from "../../../src/tokenizer/byte_alphabet.ts";
import { findContinuationAnchor } from "../../../src/tokenizer/continuation.ts";
import { ByteOffsets } from "../../../src/tokenizer/splice_points.ts";
import { TokenBytes } from "../../../src/tokenizer/token_bytes.ts";
import { type AddedToken, readTokenizerFile } from "../../../src/tokenizer/tokenizer_file.ts";
import type { JsonValue } from "../../../src/types.ts";

function bytesOf(vocab: Record<string, number>, decoder: JsonValue, added: JsonValue = []): TokenBytes {
  const model = { type: "BPE", vocab, merges: [] };
  return TokenBytes.fromFile(readTokenizerFile({ model, decoder, added_tokens: added }, "test"));
}

Deno.test("byteOfChar() gives every byte one character, printable Latin-1 its own", () => {
  const bytes = Array.from({ length: 0x200 }, (_, code) => byteOfChar(code)).filter((byte) => byte >= 0);
  assert.deepEqual(bytes.toSorted((a, b) => a - b), Array.from({ length: 256 }, (_, byte) => byte));
  assert.deepEqual(byteAlphabet().map((character) => byteOfChar(character.charCodeAt(0))), [
    ...Array(256).keys(),
  ]);
  const cases = {
    "!": 0x21,
    "~": 0x7e,
    "é": 0xe9,
    "Ġ": 0x20,
    "Ċ": 0x0a,
    "Ā": 0,
    "ł": 0xa0,
    "Ń": 0xad,
    " ": -1,
    "中": -1,
  };
  for (const [character, byte] of Object.entries(cases)) {
    assert.equal(byteOfChar(character.charCodeAt(0)), byte);
  }
});

Deno.test("TokenBytes decodes by the file's decoder", () => {
  const text = (bytes: TokenBytes, id: number) => new TextDecoder().decode(bytes.decode([id]));
  const metaspace = [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }];
  const cases: [string, Record<string, number>, JsonValue, string[]][] = [
    ["byte-level", { "Ġa": 0, "Ċ": 1, "é": 2, "中": 3 }, { type: "ByteLevel" }, [" a", "\n", "\ufffd", "中"]],
    ["fallback", { "▁a": 0, "<0x0A>": 1, "<0xG0>": 2 }, { type: "Sequence", decoders: metaspace }, [
      " a",
      "\n",
      "<0xG0>",
    ]],
    ["Metaspace", { "▁a▁": 0 }, { type: "Metaspace", replacement: "▁" }, [" a "]],
    ["WordPiece", { a: 0, "##b": 1 }, { type: "WordPiece", prefix: "##" }, [" a", "b"]],
    ["BPEDecoder", { "a</w>": 0 }, { type: "BPEDecoder", suffix: "</w>" }, ["a "]],
    ["regular expression", { aXXb: 0 }, { type: "Replace", pattern: { Regex: "X+" }, content: "$&" }, [
      "a$&b",
    ]],
    ["none", { "Ġa": 0 }, null, ["Ġa"]],
  ];
  for (const [name, vocab, decoder, expected] of cases) {
    const bytes = bytesOf(vocab, decoder);
    assert.deepEqual(expected.map((_, id) => text(bytes, id)), expected, name);
  }
});

Deno.test("TokenBytes takes added tokens as they are written, whatever the decoder", () => {
  const bytes = bytesOf({ "Ġa": 0 }, { type: "ByteLevel" }, [
    { id: 1, content: "é▁Ġ", special: true },
    { id: 0, content: "Ġ", special: false },
    { id: 5, content: "x", special: true },
  ]);
  assert.equal(new TextDecoder().decode(bytes.decode([1, 0, 5])), "é▁ĠĠx");
  assert.deepEqual([0, 1, 2, 5, 6].map((id) => bytes.byteLength(id)), [2, 7, -1, 1, -1]);
  assert.deepEqual([0, 1, 5].map((id) => bytes.isSpecial(id)), [false, true, true]);
  assert.equal(bytes.size, 6);
  assert.throws(() => bytes.decode([2]), /Cannot decode token id 2: outside the vocabulary of 6 ids/);
});

Deno.test("TokenBytes refuses a decoder whose tokens have no bytes of their own", () => {
  assert.throws(() => bytesOf({ a: 0 }, { type: "CTC" }), TokenizerLoadError);
});

Deno.test("ByteOffsets.at() counts what TextEncoder writes", () => {
  for (const text of ["", "abc", "aé中😀b", "a\ud800b", "\udc00b", "\ud800\ud800\udc00", "😀😀"]) {
    const offsets = new ByteOffsets(text);
    let unit = 0;
    for (const character of text) {
      unit += character.length;
      assert.equal(
        offsets.at(unit),
        new TextEncoder().encode(text.slice(0, unit)).length,
        JSON.stringify(text),
      );
    }
  }
});

Deno.test("findContinuationAnchor() finds a token only when the start of a sequence is special", () => {
  const token = (content: string, id: number, special: boolean): AddedToken => (
    { id, content, special, singleWord: false, lstrip: false, rstrip: false, normalized: false }
  );
  const tokens = [token("<a>", 1, false), token("<s>", 2, true)];
  const encoder = (prefix: string) => (text: string) => {
    const [, start, rest] = /^(<a>|<s>)?(.*)$/s.exec(text)!;
    const ids = [...(start === undefined ? prefix : "") + rest!].map((character) =>
      character.codePointAt(0)!
    );
    return Uint32Array.from(start === undefined ? ids : [start === "<a>" ? 1 : 2, ...ids]);
  };
  assert.equal(findContinuationAnchor(encoder(""), tokens), null);
  assert.deepEqual(findContinuationAnchor(encoder("▁"), tokens), { content: "<s>", id: 2 });
  assert.equal(findContinuationAnchor(encoder("▁"), []), null);
});
