import { writeDigits } from "../digits";

const IDS: usize = 9216;
const OUT: usize = 12288;

function digitsOf(ids: u32[]): string {
  for (let i = 0; i < ids.length; i++) store<u32>(IDS + (<usize> i << 2), ids[i]);
  const bytes = writeDigits(IDS, ids.length, OUT);
  return String.UTF8.decodeUnsafe(OUT, bytes);
}

describe("writeDigits()", () => {
  test("writes nothing for no ids", () => {
    expect(digitsOf([])).toBe("");
  });

  test("puts commas between ids", () => {
    expect(digitsOf([151644, 8948, 198])).toBe("151644,8948,198");
  });

  test("writes every number of digits", () => {
    let power: u64 = 1;
    for (let digits = 1; digits <= 10; digits++) {
      const least = power as u32;
      power *= 10;
      const most = min<u64>(power - 1, 0xffffffff) as u32;
      expect(digitsOf([least, most, least])).toBe(`${least},${most},${least}`);
    }
    expect(digitsOf([0])).toBe("0");
  });

  test("writes short and long ids side by side", () => {
    for (let power: u32 = 1; power <= 1000000000; power *= 10) {
      const before = power - 1;
      const row: u32[] = [before, power, 7, 150000, power, before, 9999999, 10000000, 0, power, before, 42, 1, 2, 3];
      let words = row[0].toString();
      for (let i = 1; i < row.length; i++) words += "," + row[i].toString();
      expect(digitsOf(row)).toBe(words);
      if (power == 1000000000) break;
    }
  });

  test("writes all pairs", () => {
    for (let id: u32 = 0; id < 1200; id++) expect(digitsOf([id])).toBe(id.toString());
  });
});
