import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { waitUntil } from "./wait-until.ts";

const run = promisify(execFile);

/** A process whose command line names something below the directory: a shim, a supervisor, a daemon. */
export interface Leftover {
  readonly pid: number;
  readonly commandLine: string;
}

export async function processesBelow(directory: string): Promise<Leftover[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const all = await Promise.all(pids.map(async (pid) => ({ pid, commandLine: await commandLineOf(pid) })));
  return all.filter(({ commandLine }) => commandLine.includes(`${directory}/`) || commandLine.endsWith(directory));
}

/** Kills, by PID, what still runs below the directory: shims, and with them their containers. */
export async function killProcessesBelow(directory: string): Promise<void> {
  await waitUntil(`nothing runs below ${directory}`, async () => {
    const left = await processesBelow(directory);
    for (const { pid } of left) {
      await killTree(pid);
    }
    return left.length === 0;
  });
}

/** Mount points at or below the directory, the deepest first. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mountPoint) => mountPoint === directory || mountPoint.startsWith(`${directory}/`))
    .reverse();
}

export async function unmountBelow(directory: string): Promise<void> {
  for (const mountPoint of await mountsBelow(directory)) {
    await run("umount", ["--lazy", mountPoint]);
  }
}

async function commandLineOf(pid: number): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Children first: a shim that dies first would leave its container to init. */
async function killTree(pid: number): Promise<void> {
  let children: string[] = [];
  try {
    children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean);
  } catch {
    return;
  }
  for (const child of children) await killTree(Number(child));
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}
