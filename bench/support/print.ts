/**
 * Lines and tables on standard output.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Writes one line. */
export function printLine(text = ""): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

/** Writes one line to standard error, with the seconds since the program began. */
export function printProgress(text: string): void {
  const seconds = (performance.now() / 1_000).toFixed(0).padStart(4);
  Deno.stderr.writeSync(encoder.encode(`${seconds} s  ${text}\n`));
}

/** Writes a Markdown table: the first column to the left, all others to the right. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]) =>
    `| ${
      widths.map((width, i) => i === 0 ? (cells[i] ?? "").padEnd(width) : (cells[i] ?? "").padStart(width))
        .join(" | ")
    } |`;
  printLine(line(header));
  printLine(
    `| ${widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`).join(" | ")} |`,
  );
  for (const row of rows) printLine(line(row));
}

/** A number with `digits` decimals; `–` for what was not measured. */
export function figure(value: number | null, digits = 0): string {
  return value === null || !Number.isFinite(value) ? "–" : value.toFixed(digits);
}

/** The machine in general terms. */
export function machineLine(): string {
  const gibibytes = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const { os, arch } = Deno.build;
  return `${navigator.hardwareConcurrency} cores, ${gibibytes} GiB, ${os} ${arch}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`;
}
