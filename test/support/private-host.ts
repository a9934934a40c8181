import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveSettings } from "../../src/cli/settings.ts";
import type { Settings } from "../../src/model/settings.ts";
import { supervisorPidPath } from "../../src/store/layout.ts";
import { startContainerd, type TestContainerd } from "./containerd.ts";
import { TestNode } from "./namespace.ts";
import { waitUntil } from "./wait-until.ts";

/** A containerd and a wharf of a test's own, for tests that kill the supervisor, which serves all namespaces. */
export class PrivateHost implements AsyncDisposable {
  private constructor(
    readonly node: TestNode,
    private readonly containerd: TestContainerd,
    private readonly directory: string,
  ) {}

  static async start(): Promise<PrivateHost> {
    const directory = await mkdtemp(join(tmpdir(), "wharf-p-"));
    const containerd = await startContainerd();
    const roots = { dataRoot: join(directory, "data"), runRoot: join(directory, "run") };
    const host = { address: containerd.address, containerdVersion: containerd.version, registry: "", ...roots };
    const node = new TestNode(host, "private");
    await node.client.namespaces.create(node.namespace);
    await node.load("busybox");
    return new PrivateHost(node, containerd, directory);
  }

  /** What wharf makes of the environment: where its files are. */
  get settings(): Settings {
    return resolveSettings({}, this.node.environment);
  }

  /** The pid of the supervisor that runs; undefined when none does. */
  get supervisorPid(): number | undefined {
    try {
      const pid = Number(readFileSync(supervisorPidPath(this.settings), "utf8"));
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").length > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Kills the supervisor with SIGKILL, if one runs, and waits until it is gone. */
  async killSupervisor(): Promise<void> {
    const pid = this.supervisorPid;
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    await waitUntil("the supervisor is gone", () => this.supervisorPid !== pid, 60_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.node.succeed("supervisor", "stop");
    await this.containerd[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}
