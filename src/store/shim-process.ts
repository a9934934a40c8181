import { readdirSync, readFileSync } from "node:fs";

/** Which shim: containerd starts each with these words. */
export interface ShimIdentity {
  /** containerd's socket. */
  readonly address: string;
  readonly namespace: string;
  /** The container that it was started for. */
  readonly id: string;
}

/** The process of a container's shim, by its command line; undefined when there is none. */
export function findShim({ address, namespace, id }: ShimIdentity): number | undefined {
  const wanted = ["-namespace", namespace, "-id", id, "-address", address].join("\0");
  const name = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && commandLineOf(entry).includes(wanted));
  return name === undefined ? undefined : Number(name);
}

/** The words of a shim that serves, each ended by a NUL; `""` for any other process. */
function commandLineOf(pid: string): string {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return /^[^\0]*containerd-shim[^\0]*\0/.test(text) ? text : "";
  } catch {
    return "";
  }
}
