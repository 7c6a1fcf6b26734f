// Columns as Go's tabwriter sets them for docker: at least 10 wide, three blanks between, the last one ragged.

const columnWidthMin = 10;
const padding = 3;

/** Lines with tab-separated cells to aligned text; every line ends with a newline. */
export function alignTable(lines: readonly string[]): string {
  const rows = lines.map((line) => line.split("\t"));
  const widths = widthsOf(rows);
  return rows.map((cells) => `${alignRow(cells, widths)}\n`).join("");
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [index, cell] of cells.slice(0, -1).entries()) {
      widths[index] = Math.max(widths[index] ?? columnWidthMin, characters(cell) + padding);
    }
  }
  return widths;
}

function alignRow(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, index) =>
      index === cells.length - 1 ? cell : cell + " ".repeat((widths[index] ?? 0) - characters(cell)),
    )
    .join("");
}

function characters(text: string): number {
  return Array.from(text).length;
}
