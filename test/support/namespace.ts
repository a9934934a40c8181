import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { type Containerd, connectContainerd } from "../../src/containerd/client.ts";
import { isEngineError } from "../../src/errors.ts";
import { type CliOptions, type CliResult, type RunningCli, runCli, startCli } from "./cli.ts";
import { busyboxImage, importImage, type TestImage } from "./images.ts";
import { waitUntil } from "./wait-until.ts";

/** Where a test run's containerd and registry are, and wharf's files. */
export interface TestHost {
  readonly address: string;
  readonly containerdVersion: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  /** `127.0.0.1:PORT`. */
  readonly registry: string;
}

declare module "vitest" {
  interface ProvidedContext {
    host: TestHost;
  }
}

const SIGKILL = 9;

/** A containerd namespace of a test's own, and a wharf that uses it. */
export class TestNode implements AsyncDisposable {
  readonly client: Containerd;

  constructor(
    readonly host: TestHost,
    readonly namespace: string,
  ) {
    this.client = connectContainerd({ address: host.address, namespace, snapshotter: "overlayfs" });
  }

  /** What `wharf` is run with: this containerd, this namespace, files of the test run. */
  get environment(): Record<string, string> {
    return {
      CONTAINERD_ADDRESS: this.host.address,
      CONTAINERD_NAMESPACE: this.namespace,
      CONTAINERD_SNAPSHOTTER: "",
      WHARF_DATA_ROOT: this.host.dataRoot,
      WHARF_RUN_ROOT: this.host.runRoot,
      DOCKER_CONFIG: this.host.dataRoot,
      NO_COLOR: "1",
    };
  }

  /** Runs `wharf ARGS…` to its end. */
  async cli(...args: string[]): Promise<CliResult> {
    return await this.cliWith({}, ...args);
  }

  /** As `cli`, with input, environment or a terminal. */
  async cliWith(options: CliOptions, ...args: string[]): Promise<CliResult> {
    return await runCli(args, { ...options, env: { ...this.environment, ...options.env } });
  }

  /** As `cli`, for a command that must succeed; returns its stdout without the last line feed. */
  async succeed(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.cli(...args);
    if (exitCode !== 0) throw new Error(`wharf ${args.join(" ")}: exit code ${exitCode}\n${stdout}${stderr}`);
    return stdout.replace(/\n$/, "");
  }

  /** Runs a shell script in a container of busybox without a network, with the flags of `run`; returns what it prints. */
  async inside(flags: readonly string[], script: string): Promise<string> {
    return await this.succeed("run", "--rm", "--network", "none", ...flags, "busybox", "sh", "-c", script);
  }

  /** Starts `wharf ARGS…` and leaves it running. */
  start(options: CliOptions, ...args: string[]): RunningCli {
    return startCli(args, { ...options, env: { ...this.environment, ...options.env } });
  }

  /**
   * Puts an image into the namespace, unpacked, without wharf's help, and returns the reference: busybox, or the image
   * given.
   */
  async load(reference = "busybox", image?: TestImage): Promise<string> {
    const canonical = reference.includes("/") ? reference : `docker.io/library/${reference}`;
    const tagged = /:[^/]+$/.test(canonical) ? canonical : `${canonical}:latest`;
    await importImage(this.client, tagged, image ?? (await busybox()));
    return reference;
  }

  /** Removes the containers of wharf, with their anonymous volumes, as a user would. */
  async clear(): Promise<void> {
    const complaint = await this.removeContainersOfWharf();
    if (complaint) throw new Error(`wharf could not remove the test's containers: ${complaint}`);
  }

  /** Removes everything that the namespace holds, and the namespace. Fails, when all is gone, if `wharf rm` failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const complaint = await this.removeContainersOfWharf();
      for (const { containerId } of await this.client.tasks.list()) await removeTask(this.client, containerId);
      for (const { id } of await this.client.containers.list()) await forgiving(this.client.containers.delete(id));
      await removeContent(this.client);
      if (complaint) throw new Error(`wharf could not remove the test's containers: ${complaint}`);
    } finally {
      this.client.close();
    }
  }

  /** By wharf, which then also gives networks and names back. Returns what it complained about. */
  private async removeContainersOfWharf(): Promise<string> {
    const ids = (await this.client.containers.list())
      .filter(({ extensionNames }) => extensionNames.includes("wharf.record"))
      .map(({ id }) => id);
    if (ids.length === 0) return "";
    try {
      return (await this.cli("rm", "--force", "--volumes", ...ids)).stderr;
    } catch (error) {
      return String(error);
    }
  }
}

/** A fresh namespace on the test run's containerd; `await using` removes it. */
export async function freshNamespace(): Promise<TestNode> {
  const node = new TestNode(inject("host"), `test-${randomBytes(4).toString("hex")}`);
  await node.client.namespaces.create(node.namespace);
  return node;
}

let busyboxOnce: Promise<TestImage> | undefined;

/** The busybox image, built once by each process. */
export function busybox(): Promise<TestImage> {
  busyboxOnce ??= busyboxImage();
  return busyboxOnce;
}

async function removeTask(client: Containerd, containerId: string): Promise<void> {
  await waitUntil(`the task of ${containerId} is gone`, async () => {
    try {
      await client.tasks.resume(containerId).catch(() => undefined);
      await client.tasks.kill(containerId, { signal: SIGKILL, all: true }).catch(() => undefined);
      await client.tasks.delete(containerId);
      return true;
    } catch (error) {
      return isEngineError(error, "not-found");
    }
  });
}

/**
 * By the garbage collector: a snapshot can not be removed by hand once the collector has taken a child of it, because
 * it then still counts that child.
 */
async function removeContent(client: Containerd): Promise<void> {
  for (const { name } of await client.images.list()) await forgiving(client.images.delete(name));
  for (const { id } of await client.leases.list()) await forgiving(client.leases.delete(id));
  await waitUntil("no ingest is left", async () => {
    // containerd fails an abort while it still closes the file of a writer that went away.
    for (const { ref } of await client.content.statuses()) await forgiving(client.content.abort(ref));
    return true;
  });
  await waitUntil(`the namespace ${client.namespace} is empty`, async () => {
    const { id } = await client.leases.create();
    await client.leases.delete(id, { sync: true });
    await forgiving(client.namespaces.delete(client.namespace));
    return true;
  });
}

async function forgiving(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isEngineError(error, "not-found")) throw error;
  }
}
