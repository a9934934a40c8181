import { formatDecimalSize } from "../../model/byte-size.ts";

const BAR_WIDTH = 50;
/** docker leaves the bar out where it would not fit on one line. */
const MIN_COLUMNS_FOR_BAR = 110;

/** docker's progress of a transfer: `[=======>      ]  1.2MB/9.8MB`, on a narrow terminal the numbers alone. */
export function progressBar(current: number, total: number, columns: number): string {
  const numbers = `${formatDecimalSize(current, 4).padStart(8)}/${formatDecimalSize(total, 4)}`;
  if (columns <= MIN_COLUMNS_FOR_BAR) return numbers;
  const filled = total > 0 ? Math.min(Math.floor((current / total) * BAR_WIDTH), BAR_WIDTH) : 0;
  return `[${"=".repeat(filled)}>${" ".repeat(BAR_WIDTH - filled)}] ${numbers}`;
}
