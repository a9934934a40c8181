import { access, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { runTool, runToolOrThrow, toolFailure } from "./tool.ts";

const NETNS_DIR = "/run/netns";

/** A network namespace by its name, which holds the first letters of its container's id. */
export interface Sandbox {
  readonly path: string;
  readonly idPrefix: string;
}

/** The network namespaces that are named as a wharf names them, whichever of this host's made them. */
export async function listSandboxes(): Promise<Sandbox[]> {
  const names = await readdir(NETNS_DIR).catch(() => []);
  return names.flatMap((name) => {
    const idPrefix = /^wharf-([0-9a-f]{12})$/.exec(name)?.[1];
    return idPrefix === undefined ? [] : [{ path: join(NETNS_DIR, name), idPrefix }];
  });
}

/** The path of a container's named network namespace, whether or not it exists. */
export function netnsPathOf(containerId: string): string {
  return join(NETNS_DIR, `wharf-${containerId.slice(0, 12)}`);
}

/** Makes a container's named network namespace. One that an earlier life of the container left behind is replaced. */
export async function createNetns(containerId: string): Promise<string> {
  const path = netnsPathOf(containerId);
  if (await exists(path)) await deleteNetns(path);
  await runToolOrThrow("ip", ["netns", "add", basename(path)]);
  return path;
}

/** Removes a named network namespace; one that is gone already is no failure. */
export async function deleteNetns(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const { exitCode, stderr } = await runTool("ip", ["netns", "delete", basename(path)]);
  if (exitCode !== 0 && (await exists(path))) throw toolFailure("ip", stderr);
}

/** Runs `ip` commands inside a named network namespace, all in one process. */
export async function configureNetns(path: string, commands: readonly string[]): Promise<void> {
  await runToolOrThrow("ip", ["-netns", basename(path), "-batch", "-"], { stdin: `${commands.join("\n")}\n` });
}

/** Whether this host, in this process's own network namespace, has an interface of that name. */
export function interfaceExists(name: string): Promise<boolean> {
  // /sys shows the network namespace in which it was mounted; /proc shows the reader's.
  return exists(`/proc/sys/net/ipv4/conf/${name}`);
}

/** True while the path names a file. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
