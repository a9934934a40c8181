import { existsSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";

/**
 * Moves a log's files up by one, `<path>` to `<path>.1`, so that `maxFiles` are left once `<path>` is there again. One
 * that was cut short leaves a number without a file, and the next one fills it: no file is lost by that.
 */
export async function rotateLog(path: string, maxFiles: number): Promise<void> {
  const numbered = (number: number) => (number === 0 ? path : `${path}.${number}`);
  let free = 1;
  while (free < maxFiles - 1 && existsSync(numbered(free))) free += 1;
  await rm(numbered(free), { force: true });
  for (let number = free - 1; number >= 0; number--) {
    if (existsSync(numbered(number))) renameSync(numbered(number), numbered(number + 1));
  }
}
