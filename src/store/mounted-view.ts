import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { EngineError } from "../errors.ts";
import type { Mount } from "../model/mount.ts";
import { toolEnvironment } from "../program-environment.ts";

/**
 * Mounts over the directory `$1` and stays until stdin ends. The new mount API of recent libmount takes no long lists
 * of overlay layers, so the old one is asked for.
 */
const SCRIPT = `
directory=$1; shift
while [ $# -gt 0 ]; do
  LIBMOUNT_FORCE_MOUNT2=always mount -t "$1" -o "$2" "$3" "$directory" || exit 1
  shift 3
done
echo mounted
read -r _`;

/**
 * Mounts seen without being in this process's mount namespace: a helper process has them in one of its own, and its
 * root directory in /proc leads there. They cannot be left behind: the kernel drops them when the helper ends, and the
 * helper ends with this process.
 */
export class MountedView implements AsyncDisposable {
  private constructor(
    private readonly helper: ChildProcess,
    /** The mounts' root directory, as this process sees it. */
    readonly directory: string,
  ) {}

  /**
   * Mounts a snapshot read-only over `mountPoint`, a directory that is made if it is absent and stays empty.
   *
   * @throws EngineError `internal` with what `mount` says.
   */
  static async open(mounts: readonly Mount[], mountPoint: string): Promise<MountedView> {
    await mkdir(mountPoint, { recursive: true, mode: 0o700 });
    const { cwd, args } = mountArguments(mounts);
    const helper = spawn("unshare", ["--mount", "--", "sh", "-c", SCRIPT, "sh", mountPoint, ...args], {
      cwd,
      env: toolEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    let complaint = "";
    helper.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    const mounted = await new Promise<boolean>((resolve, reject) => {
      helper.once("error", (error) => reject(new EngineError("internal", `cannot run unshare: ${error.message}`)));
      helper.stdout.once("data", () => resolve(true));
      helper.once("close", () => resolve(false));
    });
    if (!mounted) throw new EngineError("internal", complaint.trim().split("\n")[0] || "cannot mount the snapshot");
    return new MountedView(helper, `/proc/${helper.pid}/root${mountPoint}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.helper.exitCode !== null) return;
    const closed = once(this.helper, "close");
    this.helper.stdin?.end();
    await closed;
  }
}

/** A snapshot's layers as directories, topmost first; `undefined` if it is not made of directories. */
export function layerDirectories(mounts: readonly Mount[]): string[] | undefined {
  const [mount, ...others] = mounts;
  if (mount === undefined || others.length > 0) return undefined;
  if (mount.type === "bind" || mount.options.some((option) => option === "bind" || option === "rbind")) {
    return [mount.source];
  }
  if (mount.type !== "overlay") return undefined;
  const optionValue = (name: string) =>
    mount.options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
  const lower = optionValue("lowerdir")?.split(":") ?? [];
  return [optionValue("upperdir"), ...lower].filter((directory) => directory !== undefined);
}

/**
 * The script's arguments. Layers become read-only ones of an overlay without an upper layer, named from their common
 * directory: the kernel takes one page of options.
 */
function mountArguments(mounts: readonly Mount[]): { cwd: string; args: string[] } {
  const layers = layerDirectories(mounts);
  if (layers !== undefined && layers.length > 1) {
    const cwd = commonDirectory(layers);
    const lower = layers.map((layer) => relative(cwd, layer)).join(":");
    return { cwd, args: ["overlay", `ro,lowerdir=${lower}`, "overlay"] };
  }
  const args = mounts.flatMap(({ type, source, options }) => [
    type === "bind" ? "none" : type,
    [...options.filter((option) => option !== "rw" && option !== "ro"), "ro"].join(","),
    source,
  ]);
  return { cwd: "/", args };
}

function commonDirectory(paths: readonly string[]): string {
  let common = dirname(paths[0] ?? "/");
  while (common !== "/" && !paths.every((path) => path.startsWith(`${common}/`))) common = dirname(common);
  return common;
}
