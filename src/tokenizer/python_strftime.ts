/**
 * Python's `datetime.strftime` in the C locale, for a naive local time: what `strftime_now` in chat templates gives on
 * Linux, the extensions of its C library included.
 *
 * @module
 */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAY_MS = 86_400_000;

/** A number with what it is padded to. */
interface Field {
  readonly value: number;
  readonly width: number;
  readonly pad: "0" | " ";
}

/** A directive gives text, or a number whose padding flags may change. */
type Directive = (date: Date) => string | Field;

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getDay()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getMonth()]!,
  c: (date) => strftime(date, "%a %b %e %H:%M:%S %Y"),
  C: (date) => zeros(Math.floor(date.getFullYear() / 100)),
  d: (date) => zeros(date.getDate()),
  D: (date) => strftime(date, "%m/%d/%y"),
  e: (date) => spaces(date.getDate()),
  F: (date) => strftime(date, "%Y-%m-%d"),
  g: (date) => zeros(isoWeek(date).year % 100),
  G: (date) => zeros(isoWeek(date).year, 1),
  h: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  H: (date) => zeros(date.getHours()),
  I: (date) => zeros(date.getHours() % 12 || 12),
  j: (date) => zeros(dayOfYear(date) + 1, 3),
  k: (date) => spaces(date.getHours()),
  l: (date) => spaces(date.getHours() % 12 || 12),
  m: (date) => zeros(date.getMonth() + 1),
  M: (date) => zeros(date.getMinutes()),
  n: () => "\n",
  p: (date) => date.getHours() < 12 ? "AM" : "PM",
  P: (date) => date.getHours() < 12 ? "am" : "pm",
  r: (date) => strftime(date, "%I:%M:%S %p"),
  R: (date) => strftime(date, "%H:%M"),
  s: (date) => zeros(Math.floor(date.getTime() / 1000), 1),
  S: (date) => zeros(date.getSeconds()),
  t: () => "\t",
  T: (date) => strftime(date, "%H:%M:%S"),
  u: (date) => zeros(date.getDay() || 7, 1),
  U: (date) => zeros(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => zeros(isoWeek(date).week),
  w: (date) => zeros(date.getDay(), 1),
  W: (date) => zeros(Math.floor((dayOfYear(date) + 7 - mondayBased(date)) / 7)),
  x: (date) => strftime(date, "%m/%d/%y"),
  X: (date) => strftime(date, "%H:%M:%S"),
  y: (date) => zeros(date.getFullYear() % 100),
  Y: (date) => zeros(date.getFullYear(), 1),
  "%": () => "%",
};

/** What Python puts in before the C library sees the format: these take no flags. A naive time has no zone. */
const BEFORE: Readonly<Record<string, (date: Date) => string>> = {
  f: (date) => String(date.getMilliseconds() * 1000).padStart(6, "0"),
  z: () => "",
  Z: () => "",
};

const PATTERN = /%([-_0^#]*)(\d*)[EO]?([A-Za-z%])/g;

/**
 * Formats the local time of `date`. Flags change a directive: `%-d` is without padding, `%_d` padded with spaces, `%^a`
 * in capitals; a directive that is none stays as it is.
 */
export function strftime(date: Date, format: string): string {
  return format.replace(PATTERN, (whole, flags: string, width: string, letter: string) => {
    const text = whole.length === 2 ? BEFORE[letter]?.(date) : undefined;
    if (text !== undefined) return text;
    const field = DIRECTIVES[letter]?.(date);
    if (field === undefined) return whole;
    return cased(padded(field, flags, Number(width || 0)), letter, flags);
  });
}

function padded(field: string | Field, flags: string, width: number): string {
  const flag = flags.replace(/[^-_0]/g, "").at(-1);
  if (typeof field === "string") return field.padStart(width, flag === "0" ? "0" : " ");
  const text = String(field.value);
  if (flag === "-") return text.padStart(width);
  const pad = flag === undefined ? field.pad : flag === "_" ? " " : "0";
  return text.padStart(width || field.width, pad);
}

function cased(text: string, letter: string, flags: string): string {
  if (flags.includes("#") && letter === "p") return text.toLowerCase();
  if (letter === "P") return text;
  const isUpper = flags.includes("^") || (flags.includes("#") && "aAbBh".includes(letter));
  return isUpper ? text.toUpperCase() : text;
}

function zeros(value: number, width = 2): Field {
  return { value, width, pad: "0" };
}

function spaces(value: number): Field {
  return { value, width: 2, pad: " " };
}

/** Days since Monday. */
function mondayBased(date: Date): number {
  return (date.getDay() + 6) % 7;
}

/** The week, from Monday on, that has the year's first Thursday is the first. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(
    Date.UTC(date.getFullYear(), date.getMonth(), date.getDate() + 3 - mondayBased(date)),
  );
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1 };
}

/** Days since 1 January, daylight saving time left out. */
function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (day - Date.UTC(date.getFullYear(), 0, 1)) / DAY_MS;
}
