/**
 * Tables of text: with lines and shades on a terminal, plain columns elsewhere.
 *
 * @module
 */

/** How output looks. */
export interface Look {
  /** Box drawing and colours. */
  readonly rich: boolean;
}

/** A column; the last one is not padded, so that wide characters in it do no harm. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** A row of cells, or words across all columns. */
export type Row = readonly string[] | string;

/** The table, each line ended by a newline. */
export function renderTable(columns: readonly Column[], rows: readonly Row[], look: Look): string {
  const cells = rows.filter((row): row is readonly string[] => typeof row !== "string");
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0))
  );
  const gap = look.rich ? " │ " : "  ";
  const line = (row: readonly string[]) =>
    columns.map(({ align }, index) => pad(row[index] ?? "", index, align)).join(gap).trimEnd();
  const pad = (text: string, index: number, align: Column["align"]) => {
    const width = widths[index] ?? 0;
    if (align === "right") return text.padStart(width);
    return index === columns.length - 1 ? text : text.padEnd(width);
  };
  const rule = look.rich ? widths.map((width) => "─".repeat(width)).join("─┼─") : "";
  const head = paint(line(columns.map(({ title }) => title)), "1", look);
  const body = rows.map((row) => typeof row === "string" ? paint(row, "2", look) : line(row));
  return [head, ...(rule ? [rule] : []), ...body].map((each) => `${each}\n`).join("");
}

/** The text in an SGR shade, where shades are shown. */
export function paint(text: string, code: string, { rich }: Look): string {
  return rich ? `\u001b[${code}m${text}\u001b[0m` : text;
}
