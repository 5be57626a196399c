/** A table in Markdown: the first column is text, the others are numbers and stand to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((cell, column) =>
    rows.reduce(
      (width, row) => Math.max(width, (row[column] ?? "").length),
      Math.max(3, cell.length),
    ),
  );
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? "";
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** What stands where there is no number. */
const NO_NUMBER = "–";

/** A number with so many decimals, thousands set apart. */
export function numberCell(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined) return NO_NUMBER;
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString("en", options);
}
