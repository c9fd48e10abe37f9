import { commonPrefix, runLength, utf16Length } from "../bytes";

/** A place in memory that nothing else uses: above header and bins, below the specs' own data. */
const A: usize = 8192;
const B: usize = 12288;

function write(at: usize, text: string): u32 {
  return String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at) as u32;
}

describe("commonPrefix()", () => {
  test("is the index of the first difference, for every length and place", () => {
    for (let length: u32 = 0; length < 200; length += 7) {
      for (let differ: u32 = 0; differ < length; differ += 3) {
        memory.fill(A, 1, 256);
        memory.fill(B, 1, 256);
        store<u8>(B + differ, 2);
        expect(commonPrefix(A, B, length)).toBe(differ);
      }
    }
  });

  test("is the whole length of equal bytes, and looks no further", () => {
    memory.fill(A, 1, 256);
    memory.fill(B, 1, 256);
    for (let length: u32 = 0; length < 130; length++) {
      store<u8>(B + length, 2);
      expect(commonPrefix(A, B, length)).toBe(length);
      store<u8>(B + length, 1);
    }
  });
});

describe("utf16Length()", () => {
  test("counts one unit a character, two beyond the basic plane", () => {
    const texts = ["", "ascii", "é", "世界", "😀", "a😀é世".repeat(9), "\0", "x".repeat(33) + "😀"];
    for (let i = 0; i < texts.length; i++) {
      expect(utf16Length(A, write(A, texts[i]))).toBe(texts[i].length as u32);
    }
  });
});

describe("runLength()", () => {
  test("ends at the first other byte", () => {
    for (let length: u32 = 1; length < 70; length++) {
      memory.fill(A, 1, 80);
      expect(runLength(A, length, 1)).toBe(length);
      store<u8>(A + length / 2, 0);
      expect(runLength(A, length, 1)).toBe(length / 2);
    }
  });
});
