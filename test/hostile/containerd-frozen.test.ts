import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectContainerd } from "../../src/containerd/client.ts";
import { OwnHost } from "../support/own-host.ts";
import { waitUntil } from "../support/wait-until.ts";

let host: OwnHost;

beforeAll(async () => {
  host = await OwnHost.start();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

async function frozen<T>(act: () => Promise<T>): Promise<T> {
  const { pid } = host.containerd;
  process.kill(pid, "SIGSTOP");
  try {
    // One of its threads may answer a last call before the signal gets there.
    await waitUntil("every thread has stopped", async () => (await threadStates(pid)).every((state) => state === "T"));
    return await act();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

async function threadStates(pid: number): Promise<(string | undefined)[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")));
  return stats.map((stat) => /\) (\S)/.exec(stat)?.[1]);
}

describe("a containerd that is frozen", () => {
  it("is waited for with patience, and then found again without a new client", async () => {
    const { address } = host.containerd;
    const client = connectContainerd({ address, namespace: "hostile", snapshotter: "overlayfs", patienceMs: 1500 });
    await client.version();

    await frozen(async () => {
      await expect(client.version()).rejects.toMatchObject({ code: "deadline-exceeded" });
      // A connection that nobody accepts any more.
      await expect(client.version()).rejects.toMatchObject({ code: "deadline-exceeded" });
    });

    await waitUntil("it answers again", async () => (await client.version()).version, 60_000);
    client.close();
  });

  it("is named by commands of either kind, which leave nothing and work once it goes on", async () => {
    const { node, containerd } = host;
    await node.succeed("run", "-d", "--name", "web", "--network", "none", "busybox", "top");
    const message =
      `wharf: containerd at ${containerd.address} does not answer\n` +
      "it is stopped or stuck, or the host is overloaded; see `systemctl status containerd`\n";

    const [listed, ran, executed] = await frozen(() =>
      Promise.all(
        [["ps"], ["run", "--name", "late", "busybox", "true"], ["exec", "web", "true"]].map((args) =>
          node.cliWith({ timeoutMs: 240_000 }, ...args),
        ),
      ),
    );

    expect(listed).toEqual({ exitCode: 1, stdout: "", stderr: message });
    expect(ran).toEqual({ exitCode: 125, stdout: "", stderr: message });
    expect(executed).toEqual({ exitCode: 1, stdout: "", stderr: message });
    expect(await node.succeed("exec", "web", "echo", "here")).toBe("here");
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}}")).toBe("web");
    expect(await node.succeed("run", "--rm", "--name", "late", "busybox", "echo", "here")).toBe("here");
    await node.succeed("rm", "-f", "web");
  }, 300_000);
});
