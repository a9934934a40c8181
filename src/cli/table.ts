/** The look of docker's tables: Go's tabwriter with these settings. */
const MIN_WIDTH = 10;
const PADDING = 3;

/** A table that deviates from the usual. */
export interface TableOptions {
  readonly minWidth?: number;
}

/**
 * Lays out lines whose cells are separated by tabs. A cell's column is as wide as the widest of the cells above and
 * below it without a gap; what follows the last tab of a line belongs to no column.
 */
export function alignColumns(text: string, { minWidth = MIN_WIDTH }: TableOptions = {}): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths = lines.map((): number[] => []);
  alignFrom(lines, widths, { from: 0, to: lines.length, column: 0, minWidth });
  return lines
    .map((cells, row) => cells.map((cell, column) => pad(cell, widths[row]?.[column] ?? 0)).join(""))
    .join("\n");
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly column: number;
  readonly minWidth: number;
}

/** Finds the runs of lines that have a cell in this column, gives each its width, and goes on within it. */
function alignFrom(lines: readonly (readonly string[])[], widths: readonly number[][], block: Block): void {
  const { column, to, minWidth } = block;
  const hasCell = (row: number) => row < to && column < (lines[row]?.length ?? 0) - 1;
  for (let row = block.from; row < to; row++) {
    if (!hasCell(row)) continue;
    const from = row;
    while (hasCell(row)) row++;
    const width = columnWidth(
      lines.slice(from, row).map((cells) => cells[column] ?? ""),
      minWidth,
    );
    for (let line = from; line < row; line++) widths[line]?.push(width);
    alignFrom(lines, widths, { from, to: row, column: column + 1, minWidth });
  }
}

function columnWidth(cells: readonly string[], minWidth: number): number {
  const widest = Math.max(...cells.map((cell) => [...cell].length));
  return Math.max(widest + PADDING, minWidth);
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(width - [...cell].length, 0));
}
