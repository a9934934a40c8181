import { EngineError } from "../errors.ts";

/** More than any machine has, so that `0-4294967295` does not fill the memory. */
const MAX_CPU = 8191;

/**
 * Reads a set of CPUs or memory nodes as the kernel writes it: `0-3,5`.
 *
 * @param kind how the error names it: `cpuset cpus`.
 * @throws EngineError `invalid-argument`.
 */
export function parseCpuSet(text: string, kind: string): number[] {
  if (text === "") return [];
  return text.split(",").flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    const start = Number(match?.[1]);
    const end = Number(match?.[2] ?? match?.[1]);
    if (match === null || start > end || end > MAX_CPU) {
      throw new EngineError("invalid-argument", `invalid value ${text} for ${kind}: invalid format: ${text}`);
    }
    return Array.from({ length: end - start + 1 }, (_, index) => start + index);
  });
}
