import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startContainerd, type TestContainerd } from "./containerd.ts";
import { unmountBelow } from "./leftovers.ts";
import { TestNode } from "./namespace.ts";

/** A containerd and a supervisor that a test may do anything to: nobody else uses them. */
export interface OwnHost extends AsyncDisposable {
  readonly containerd: TestContainerd;
  readonly node: TestNode;
  /** Holds wharf's data root and run root, `data` and `run`. */
  readonly directory: string;
}

export interface OwnHostOptions {
  /** Prepares what will be the directory, before anything runs. */
  readonly beforeStart?: (directory: string) => Promise<void>;
  /** Puts containerd's root on a file system of this size, as mount(8) writes it. */
  readonly containerdRootSize?: string;
}

/** Starts a containerd; the supervisor starts with the first command that needs it. Has the image busybox. */
export async function startOwnHost(options: OwnHostOptions = {}): Promise<OwnHost> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-o-"));
  await options.beforeStart?.(directory);
  const containerd = await startContainerd({ rootSize: options.containerdRootSize });
  const roots = { dataRoot: join(directory, "data"), runRoot: join(directory, "run") };
  const host = { address: containerd.address, containerdVersion: containerd.version, registry: "", ...roots };
  const node = new TestNode(host, "hostile");
  await node.client.namespaces.create(node.namespace);
  await node.load("busybox");
  return {
    containerd,
    node,
    directory,
    async [Symbol.asyncDispose]() {
      try {
        await node[Symbol.asyncDispose]();
      } finally {
        await node.cli("supervisor", "stop");
        await containerd[Symbol.asyncDispose]();
        await unmountBelow(directory);
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}
