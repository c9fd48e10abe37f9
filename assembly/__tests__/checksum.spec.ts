import { xxh64 } from "../checksum";

const TEXT: usize = 8192;

function sumOf(text: string): u64 {
  return xxh64(TEXT, String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, TEXT) as u32);
}

describe("xxh64()", () => {
  test("gives the published sums", () => {
    expect(sumOf("")).toBe(0xef46db3751d8e999);
    expect(sumOf("a")).toBe(0xd24ec4f1a98c6e5b);
    expect(sumOf("abc")).toBe(0x44bc2cf5ad770999);
    expect(sumOf("Nobody inspects the spammish repetition")).toBe(0xfbcea83c8a378bf1);
  });
});
