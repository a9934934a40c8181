import { readFileSync, readlinkSync } from "node:fs";

/**
 * A mark that this process leaves on what it is at work on, so that whoever finds it later can tell whether anybody is
 * still at it: the boot, the PID namespace, the PID and the start time together belong to one process for ever.
 */
export function currentProcessMark(): string {
  return [bootId(), pidNamespace(), process.pid, startTicks(process.pid) ?? ""].join("/");
}

/** Whether the process that left the mark may still run. One of another PID namespace cannot be looked for, and may. */
export function mayRun(mark: string): boolean {
  const [boot, namespace, pid, start] = mark.split("/");
  if (start === undefined || start === "") return true;
  if (boot !== bootId()) return false;
  return namespace !== pidNamespace() || startTicks(Number(pid)) === start;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
}

/**
 * When a process started, in the kernel's ticks since the boot; undefined when there is no such process, or only what its
 * parent has not reaped.
 */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may hold anything.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
