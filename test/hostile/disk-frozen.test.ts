import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mountDisk, whileFrozen } from "../support/disk.ts";
import { OwnHost } from "../support/own-host.ts";
import { waitUntil } from "../support/wait-until.ts";

let host: OwnHost;

beforeAll(async () => {
  host = await OwnHost.start({
    beforeStart: (directory) => mountDisk(join(directory, "data"), "64M"),
    containerdRoot: (path) => mountDisk(path, "128M"),
  });
});

afterEach(async () => {
  await host.clear();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** Whether a thread of the process waits for a disk. */
async function waitsForDisk(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")));
  return stats.some((stat) => /\) D/.test(stat));
}

describe("a disk that hangs", () => {
  it("under wharf's data holds the supervisor up, which goes on with it and has lost nothing", async () => {
    const { node, directory } = host;
    const signals = join(directory, "signals");
    await mkdir(signals);
    const script = "until test -e /signals/go; do sleep 0.1; done; seq 1 100000; exec sleep 1000";
    const flags = ["--network", "none", "-v", `${signals}:/signals`];
    await node.succeed("run", "-d", "--name", "web", ...flags, "busybox", "sh", "-c", script);
    const supervisor = host.supervisorPid;

    const late = await whileFrozen(join(directory, "data"), async () => {
      await writeFile(join(signals, "go"), "");
      await waitUntil("the supervisor waits", () => waitsForDisk(supervisor ?? 0));
      expect(await node.succeed("ps", "--format", "{{.Names}}")).toBe("web");
      return node.start({ timeoutMs: 240_000 }, "run", "--rm", "--network", "none", "busybox", "echo", "late");
    });

    expect(await late.result).toEqual({ exitCode: 0, stdout: "late\n", stderr: "" });
    const all = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join("");
    await waitUntil("all is logged", async () => (await node.succeed("logs", "--tail", "1", "web")) === "100000");
    expect((await node.cli("logs", "web")).stdout === all).toBe(true);
    expect(host.supervisorPid).toBe(supervisor);
  });

  it("under containerd holds up what writes, which is done when the disk goes on", async () => {
    const { node, containerd } = host;
    await node.succeed("run", "-d", "--name", "web", "--network", "none", "busybox", "sleep", "1000");

    const commands = await whileFrozen(join(containerd.directory, "root"), async () => {
      const started = [
        node.start({ timeoutMs: 240_000 }, "run", "--rm", "--name", "late", "-p", "80", "busybox", "echo", "late"),
        node.start({ timeoutMs: 240_000 }, "tag", "busybox", "other:1"),
      ];
      await waitUntil("containerd waits", () => waitsForDisk(containerd.pid));
      expect(await node.succeed("ps", "--format", "{{.Names}}")).toBe("web");
      expect(await node.succeed("exec", "web", "echo", "here")).toBe("here");
      return started;
    });

    const results = await Promise.all(commands.map(({ result }) => result));
    expect(results).toEqual([
      { exitCode: 0, stdout: "late\n", stderr: "" },
      { exitCode: 0, stdout: "", stderr: "" },
    ]);
    await node.succeed("rmi", "other:1");
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}}")).toBe("web");
  });
});
