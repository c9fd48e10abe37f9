import assert from "node:assert/strict";
import { exponentDigits, fixedDigits, floatRepr, roundFloat } from "../../../src/tokenizer/python_float.ts";
import { stringRepr } from "../../../src/tokenizer/python_repr.ts";
import { strftime } from "../../../src/tokenizer/python_strftime.ts";

Deno.test("floatRepr() writes floats as Python's repr", () => {
  const cases: [number, string][] = [
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [-2.5, "-2.5"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e15, "1000000000000000.0"],
    [1e16, "1e+16"],
    [123456789012345680, "1.2345678901234568e+17"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [1e22, "1e+22"],
    [5e-324, "5e-324"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [NaN, "nan"],
    [Infinity, "inf"],
    [-Infinity, "-inf"],
  ];
  for (const [value, text] of cases) assert.equal(floatRepr(value), text);
});

Deno.test("roundFloat() rounds the double that is there, half to even", () => {
  const cases: [number, number, number][] = [
    [2.675, 2, 2.67],
    [2.5, 0, 2],
    [3.5, 0, 4],
    [-2.5, 0, -2],
    [0.15, 1, 0.1],
    [1234.5, -2, 1200],
    [1e300, 5, 1e300],
    [1.1, 400, 1.1],
  ];
  for (const [value, digits, rounded] of cases) assert.equal(roundFloat(value, digits), rounded);
});

Deno.test("fixedDigits() and exponentDigits() give exact digits", () => {
  assert.equal(fixedDigits(0.5, 0), "0");
  assert.equal(fixedDigits(1.5, 0), "2");
  assert.equal(fixedDigits(-1.005, 2), "1.00");
  assert.equal(fixedDigits(1e22, 1), "10000000000000000000000.0");
  assert.deepEqual(exponentDigits(9.999, 2), { digits: "100", exponent: 1 });
  assert.deepEqual(exponentDigits(0, 2), { digits: "000", exponent: 0 });
});

Deno.test("stringRepr() quotes and escapes as Python's repr", () => {
  const cases: [string, string][] = [
    ["a", "'a'"],
    ["it's", `"it's"`],
    [`it's "x"`, `'it\\'s "x"'`],
    ["a\n\r\t\\", "'a\\n\\r\\t\\\\'"],
    ["\x00\x1b\x7f\x85\xa0", "'\\x00\\x1b\\x7f\\x85\\xa0'"],
    ["é 日本 😀", "'é 日本 😀'"],
    ["\u200b\u2028\ufeff", "'\\u200b\\u2028\\ufeff'"],
    ["\ud83d", "'\\ud83d'"],
    ["\u{e0001}", "'\\U000e0001'"],
  ];
  for (const [text, repr] of cases) assert.equal(stringRepr(text), repr);
});

Deno.test("strftime() formats as Python on Linux", () => {
  const date = new Date(2021, 0, 3, 0, 7, 9);
  const cases: [string, string][] = [
    ["%d %b %Y", "03 Jan 2021"],
    ["%-d/%-m/%y %e", "3/1/21  3"],
    ["%A, %B %d, %Y %I:%M %p", "Sunday, January 03, 2021 12:07 AM"],
    ["%j %U %W %w %u", "003 01 00 0 7"],
    ["%G-W%V %g %C", "2020-W53 20 20"],
    ["%F %T.%f%z%Z", "2021-01-03 00:07:09.000000"],
    ["%^a %#B %#p %P %^P %r", "SUN JANUARY am am am 12:07:09 AM"],
    ["%_d|%05d|%-5d|%10A", " 3|00003|    3|    Sunday"],
    ["%k %l %h %D %R", " 0 12 Jan 01/03/21 00:07"],
    ["%Ey %Od %% %n%t|%q %", "21 03 % \n\t|%q %"],
    ["%c|%x|%X", "Sun Jan  3 00:07:09 2021|01/03/21|00:07:09"],
  ];
  for (const [format, text] of cases) assert.equal(strftime(date, format), text, format);
  assert.equal(strftime(new Date(2024, 11, 30), "%s"), String(new Date(2024, 11, 30).getTime() / 1000));
});
