import { randomBytes } from "node:crypto";
import { chainId } from "../../src/model/chain-id.ts";
import { busybox, type TestNode } from "../support/namespace.ts";

/** Who a process of a test's container is. */
export function processSpec(args: readonly string[], terminal = false): Record<string, unknown> {
  return {
    args,
    terminal,
    cwd: "/",
    user: { uid: 0, gid: 0 },
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
  };
}

/** The least that runc runs: namespaces of its own, /proc and /dev. */
export function runtimeSpec(node: TestNode, id: string, args: readonly string[]): Record<string, unknown> {
  const mount = (destination: string, type: string, ...options: string[]) => ({
    destination,
    type,
    source: type,
    options,
  });
  return {
    ociVersion: "1.0.2",
    process: processSpec(args),
    root: { path: "rootfs" },
    mounts: [
      mount("/proc", "proc"),
      mount("/dev", "tmpfs", "nosuid", "mode=755"),
      mount("/dev/pts", "devpts", "nosuid", "newinstance", "ptmxmode=0666"),
    ],
    linux: {
      cgroupsPath: `/${node.namespace}/${id}`,
      namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })),
    },
  };
}

/**
 * Makes a container of busybox with a task that runs `args`, without stdio. The namespace's end removes both.
 *
 * @returns the container's id.
 */
export async function startTask(node: TestNode, args: readonly string[]): Promise<string> {
  const id = await createTask(node, args);
  await node.client.tasks.start(id);
  return id;
}

/** As `startTask`, but the task is only prepared. */
export async function createTask(node: TestNode, args: readonly string[]): Promise<string> {
  const { containers, snapshots, tasks } = node.client;
  const image = await node.load("busybox");
  const id = `task-${randomBytes(4).toString("hex")}`;
  await containers.create({
    id,
    image,
    runtime: { name: "io.containerd.runc.v2" },
    spec: runtimeSpec(node, id, args),
    snapshotter: "overlayfs",
    snapshotKey: id,
  });
  // The container first: the garbage collector takes a snapshot that nothing refers to.
  const rootfs = await snapshots.prepare(id, chainId([...(await busybox()).diffIds]));
  await tasks.create({ containerId: id, rootfs, terminal: false, stdin: "", stdout: "", stderr: "" });
  return id;
}
