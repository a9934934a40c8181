import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveSettings } from "../../src/cli/settings.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import type { Settings } from "../../src/model/settings.ts";
import { supervisorPidPath } from "../../src/store/layout.ts";
import { startContainerd, type TestContainerd } from "./containerd.ts";
import { unmountBelow } from "./leftovers.ts";
import { TestNode } from "./namespace.ts";
import { waitUntil } from "./wait-until.ts";

export interface OwnHostOptions {
  /** `127.0.0.1:PORT` of a registry that the node's images may come from. */
  readonly registry?: string;
  /** Prepares what will be the directory, before anything runs. */
  readonly beforeStart?: (directory: string) => Promise<void>;
  /** Prepares the directory that becomes containerd's root, such as by a mount. */
  readonly containerdRoot?: (path: string) => Promise<void>;
  /** Programs of the host that containerd does not find. */
  readonly containerdWithout?: readonly string[];
}

type Made<Host> = new (directory: string, containerd: TestContainerd, node: TestNode) => Host;

/**
 * A containerd and a supervisor that a test may do anything to: those of the test run serve all the others. The
 * supervisor starts with the first command that needs it.
 */
export class OwnHost implements AsyncDisposable {
  constructor(
    /** Holds wharf's data root and run root, `data` and `run`. */
    readonly directory: string,
    readonly containerd: TestContainerd,
    readonly node: TestNode,
  ) {}

  /** Starts containerd; the namespace has the image busybox. */
  static async start<Host extends OwnHost>(this: Made<Host>, options: OwnHostOptions = {}): Promise<Host> {
    const directory = await mkdtemp(join(tmpdir(), "wharf-o-"));
    await options.beforeStart?.(directory);
    const containerd = await startContainerd({
      root: options.containerdRoot,
      without: options.containerdWithout,
    });
    const node = new TestNode(
      {
        address: containerd.address,
        containerdVersion: containerd.version,
        registry: options.registry ?? "",
        dataRoot: join(directory, "data"),
        runRoot: join(directory, "run"),
      },
      "own",
    );
    await node.client.namespaces.create(node.namespace);
    await node.load("busybox");
    return new this(directory, containerd, node);
  }

  /** What wharf makes of the environment: where its files are. */
  get settings(): Settings {
    return resolveSettings({}, this.node.environment);
  }

  /** The pid of the supervisor that runs; undefined when none does. */
  get supervisorPid(): number | undefined {
    try {
      const pid = Number(readFileSync(supervisorPidPath(this.settings), "utf8"));
      // A process that has ended and is not yet waited for has no command line.
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").length > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Ends the supervisor, if one runs, as a crash would; nothing starts it again but a command that needs it. */
  async killSupervisor(): Promise<void> {
    const pid = this.supervisorPid;
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    await waitUntil("the supervisor is gone", () => this.supervisorPid !== pid);
  }

  /** Removes all containers, and their anonymous volumes. */
  async clear(): Promise<void> {
    const ids = (await this.node.succeed("ps", "-aq")).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.node.succeed("rm", "-f", "-v", ...ids);
  }

  async inspect(name: string): Promise<ContainerInspect> {
    const [container] = JSON.parse(await this.node.succeed("container", "inspect", name)) as ContainerInspect[];
    return container as ContainerInspect;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.node[Symbol.asyncDispose]();
    } finally {
      await this.node.cli("supervisor", "stop");
      await this.containerd[Symbol.asyncDispose]();
      await unmountBelow(this.directory);
      await rm(this.directory, { recursive: true, force: true });
    }
  }
}
