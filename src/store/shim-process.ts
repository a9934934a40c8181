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

/** The ids of the containers that a containerd has shims for in a namespace. */
export function shimIds({ address, namespace }: Omit<ShimIdentity, "id">): ReadonlySet<string> {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  const shims = pids.map((pid) => commandLineOf(pid).split("\0")).filter((words) => words.includes(address));
  const wordBehind = (words: readonly string[], option: string) => words[words.indexOf(option) + 1] ?? "";
  const own = shims.filter((words) => wordBehind(words, "-namespace") === namespace);
  return new Set(own.map((words) => wordBehind(words, "-id")));
}

/** Whether a process has started others that have not been waited for yet. */
export function hasChildren(pid: number): boolean {
  return readdirSync("/proc").some((entry) => /^\d+$/.test(entry) && parentOf(entry) === pid);
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
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
