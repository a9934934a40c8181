import { readdir, readFile } from "node:fs/promises";

/** Whether a shim of the container runs on this host, be it one that is just being started or is taking things away. */
export async function hasShim(containerId: string): Promise<boolean> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commandLines = await Promise.all(
    // A process that has ended in between has no command line.
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return commandLines.some((commandLine) => commandLine.includes(`\0-id\0${containerId}\0`));
}
