import { readFileSync } from "node:fs";
import { startTicks } from "./process-mark.ts";

/** `/proc` counts in these to all programs, whatever the kernel itself counts in. */
const TICK_MS = 10;

/**
 * How long a process has been there, by the kernel's count since the boot, which nobody sets; undefined when it has
 * ended.
 */
export function processAgeMs(pid: number): number | undefined {
  const ticks = startTicks(pid);
  if (ticks === undefined) return undefined;
  const [uptimeSeconds = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
  return Math.max(0, Number(uptimeSeconds) * 1000 - Number(ticks) * TICK_MS);
}
