import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { currentProcessMark, mayRun } from "../store/process-mark.ts";

/** Whoever has not started a supervisor within this time, as it was stopped meanwhile, lets others try. */
const HONOURED_MS = 5_000;

/**
 * Takes the turn to start the supervisor, which the file stands for, while other commands wait: where ten have lost
 * theirs, nine of ten new ones would only be in the way of the tenth. It is no lock, which the supervisor has itself:
 * two commands that start one each do no harm. It is given up by being disposed of, and is nobody's any more when its
 * holder is killed. Returns undefined while somebody else has it.
 */
export function takeStartTurn(path: string): Disposable | undefined {
  try {
    writeFileSync(path, currentProcessMark(), { flag: "wx", mode: 0o600 });
    return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (!isHonoured(path)) rmSync(path, { force: true });
  return undefined;
}

function isHonoured(path: string): boolean {
  try {
    const ageMs = Math.abs(Date.now() - statSync(path).mtimeMs);
    return ageMs < HONOURED_MS && mayRun(readFileSync(path, "utf8"));
  } catch {
    // It has just been given up.
    return true;
  }
}
