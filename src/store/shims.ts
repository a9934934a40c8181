import { readdir, readFile } from "node:fs/promises";

/** Whether a shim of the container runs on this host, be it one that is just being started or is taking things away. */
export async function hasShim(containerId: string): Promise<boolean> {
  return (await shimsOf(containerId)).length > 0;
}

/** Kills the container's shims, and what they run to take things away. */
export async function killShims(containerId: string): Promise<void> {
  for (const pid of await shimsOf(containerId)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

async function shimsOf(containerId: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A process that has ended in between has no command line.
      const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      const [program = ""] = commandLine.split("\0", 1);
      return program.includes("containerd-shim") && commandLine.includes(`\0-id\0${containerId}\0`);
    }),
  );
  return pids.filter((_, index) => found[index]).map(Number);
}
