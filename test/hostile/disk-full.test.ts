import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { mountMemory } from "../support/disk.ts";
import { busyboxImage, ociArchive, randomLayer } from "../support/images.ts";
import { OwnHost } from "../support/own-host.ts";
import { runProgram } from "../support/program.ts";
import { pushImage } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const PATIENCE_MS = 60_000;
const NO_SPACE = /^wharf: [^\n]*no space left on device[^\n]*\n/;

let host: OwnHost;

beforeAll(async () => {
  host = await OwnHost.start({
    // Small file systems of their own for what wharf and containerd write.
    async beforeStart(directory) {
      await mountMemory(join(directory, "data"), "16m");
      await mountMemory(join(directory, "run"), "4m");
    },
    containerdRoot: (path) => mountMemory(path, "64m"),
    registry: inject("host").registry,
  });
}, 120_000);

afterEach(async () => {
  for (const path of fillers.splice(0)) await rm(path, { force: true });
  const ids = (await host.node.succeed("ps", "-aq")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await host.node.succeed("rm", "-f", ...ids);
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

const fillers: string[] = [];

/** Takes all the space that is left on the file system of `directory`; returns how to give it back. */
async function fill(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, "filler");
  fillers.push(path);
  await runProgram("dd", ["if=/dev/zero", `of=${path}`, "bs=64k"], { mayFail: true });
  // The rest of the last blocks.
  await runProgram("sh", ["-c", `cat /dev/zero >> ${path}`], { mayFail: true });
  return () => rm(path);
}

async function supervisorPid(): Promise<number> {
  return (JSON.parse(await host.node.succeed("supervisor", "status", "--format", "json")) as { Pid: number }).Pid;
}

/** What containerd has, and has begun to take in. */
async function contentOf(): Promise<string> {
  const { content, leases } = host.node.client;
  const { id } = await leases.create();
  await leases.delete(id, { sync: true });
  const [stored, begun] = await Promise.all([content.list(), content.statuses()]);
  return [...stored.map(({ digest }) => digest), ...begun.map(({ ref }) => ref)].sort().join("\n");
}

async function works(): Promise<void> {
  const output = await host.node.succeed("run", "--rm", "--name", "after", "busybox", "echo", "works");
  expect(output).toBe("works");
}

describe("a full disk", () => {
  it("under wharf's data refuses new containers, and keeps none of those that run from running", async () => {
    const { node, directory } = host;
    await node.succeed(
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "while read line; do echo $line; done; sleep 1000",
    );
    const supervisor = await supervisorPid();
    const free = await fill(join(directory, "data"));

    const refused = await node.cli("run", "--rm", "--name", "late", "busybox", "true");

    expect(refused).toMatchObject({ exitCode: 125, stdout: "" });
    expect(refused.stderr).toMatch(NO_SPACE);
    expect(refused.stderr).not.toContain("internal error");
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}}")).toBe("web");
    expect(await node.succeed("exec", "web", "echo", "here")).toBe("here");
    expect(await supervisorPid()).toBe(supervisor);
    await free();
    await works();
  });

  it("under a log loses entries, never whole ones, and does not hold the container up", async () => {
    const { node, directory } = host;
    // 4 MB of output, far more than FIFOs and buffers hold.
    const script = "until test -e /go; do sleep 0.1; done; seq 1 600000; echo end > /done; sleep 1000";
    await node.succeed(
      "run",
      "-d",
      "--name",
      "writer",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      `echo first; ${script}`,
    );
    await waitUntil("it has begun", async () => (await node.succeed("logs", "writer")) === "first", PATIENCE_MS);
    const free = await fill(join(directory, "data"));
    await node.succeed("exec", "writer", "touch", "/go");

    await waitUntil(
      "the container has written all",
      async () => (await node.cli("exec", "writer", "cat", "/done")).stdout === "end\n",
      PATIENCE_MS,
    );
    await free();

    const path = await node.succeed("inspect", "--format", "{{.LogPath}}", "writer");
    for (const line of (await readFile(path, "utf8")).trimEnd().split("\n"))
      expect(() => JSON.parse(line)).not.toThrow();
    expect((await node.succeed("logs", "writer")).split("\n")[0]).toBe("first");
    await works();
  });

  it("under the run root refuses new processes, and a stop still works", async () => {
    const { node, directory } = host;
    const script = "while :; do echo said; sleep 0.1; done";
    await node.succeed("run", "-d", "--name", "web", "--network", "none", "busybox", "sh", "-c", script);
    const supervisor = await supervisorPid();
    const free = await fill(join(directory, "run"));

    const refused = await node.cli("run", "--rm", "--name", "late", "busybox", "true");

    if (refused.exitCode !== 0) {
      expect(refused.exitCode).toBe(125);
      expect(refused.stderr).toMatch(NO_SPACE);
    }
    const executed = await node.cli("exec", "web", "echo", "here");
    // The FIFOs of an exec may be in stock.
    if (executed.exitCode === 0) expect(executed).toEqual({ exitCode: 0, stdout: "here\n", stderr: "" });
    else expect(executed).toMatchObject({ exitCode: 126, stdout: "", stderr: expect.stringMatching(NO_SPACE) });
    expect(await node.succeed("stop", "-t", "0", "web")).toBe("web");
    expect(await supervisorPid()).toBe(supervisor);
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}}")).toBe("web");
    await free();
    await node.succeed("start", "web");
    expect(await node.succeed("exec", "web", "echo", "here")).toBe("here");
    await works();
  });

  it("under containerd fails a load in one line, which works when there is room", async () => {
    const { node, directory, containerd } = host;
    const archive = join(directory, "image.tar");
    const image = await busyboxImage({ layers: [randomLayer(3_000_000)] });
    await writeFile(archive, await ociArchive(image, ["docker.io/library/large:1"]));
    const free = await fill(join(containerd.directory, "root"));

    const loaded = await node.cli("load", "-q", "-i", archive);
    const ran = await node.cli("run", "--rm", "--name", "late", "--network", "none", "busybox", "true");

    expect(loaded).toMatchObject({ exitCode: 1, stdout: "" });
    expect(loaded.stderr).toMatch(NO_SPACE);
    // A container takes so little room that it may find it.
    if (ran.exitCode !== 0) expect(ran).toMatchObject({ exitCode: 125, stderr: expect.stringMatching(NO_SPACE) });
    expect(await node.succeed("images", "--format", "{{.Repository}}")).toBe("busybox");
    await free();
    expect(await node.succeed("load", "-q", "-i", archive)).toBe("Loaded image: large:1");
    expect(await node.succeed("run", "--rm", "--network", "none", "large:1", "ls", "/data")).toBe("/data");
    await node.succeed("rmi", "large:1");
    await works();
  });

  it("under containerd fails a pull in one line, which works when there is room", async () => {
    const { node, containerd } = host;
    const image = await busyboxImage({ layers: [randomLayer(3_000_000)] });
    const reference = await pushImage(host.node.host.registry, "disk-full/large", image);
    const before = await contentOf();
    const free = await fill(join(containerd.directory, "root"));

    const pulled = await node.cli("pull", "-q", reference);

    expect(pulled).toMatchObject({ exitCode: 1, stdout: "" });
    expect(pulled.stderr).toMatch(NO_SPACE);
    expect(await node.succeed("images", "--format", "{{.Repository}}")).toBe("busybox");
    await free();
    expect(await node.succeed("pull", "-q", reference)).toBe(reference);
    expect(await node.succeed("run", "--rm", "--network", "none", reference, "ls", "/data")).toBe("/data");
    await node.succeed("rmi", reference);
    await waitUntil("nothing of it is left", async () => (await contentOf()) === before);
    await works();
  });

  it("of a container is the container's: a process in it is told, and it can be removed", async () => {
    const { node, containerd } = host;
    await node.succeed("run", "-d", "--name", "web", "--network", "none", "busybox", "sleep", "1000");
    const free = await fill(join(containerd.directory, "root"));

    const written = await node.cli("exec", "web", "sh", "-c", "cat /dev/zero > /file");
    const executed = await node.cli("exec", "web", "echo", "here");

    expect(written).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringContaining("No space left on device") });
    expect(executed).toEqual({ exitCode: 0, stdout: "here\n", stderr: "" });
    await free();
    await node.succeed("rm", "-f", "web");
    await works();
  });

  it("under what save writes is named, and no half archive stays", async () => {
    const { node, directory } = host;
    const target = join(directory, "small");
    await mountMemory(target, "128k");

    const saved = await node.cli("save", "-o", join(target, "image.tar"), "busybox");

    expect(saved).toMatchObject({ exitCode: 1, stdout: "" });
    expect(saved.stderr).toMatch(NO_SPACE);
    expect(saved.stderr).not.toContain("internal error");
    await expect(stat(join(target, "image.tar"))).rejects.toThrow("ENOENT");
  });
});
