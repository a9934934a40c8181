import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ExaminedHost } from "../support/examined-host.ts";
import { comparePictures, type HostPicture, looksAsBefore, takePicture } from "../support/host-picture.ts";
import { buildImage, randomLayer } from "../support/images.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

let registry: TestRegistry;
let wharf: ExaminedHost;
let before: HostPicture;

beforeAll(async () => {
  registry = await startRegistry();
  wharf = await ExaminedHost.start({ registry: registry.host });
  // The first container leaves what stays, such as the default network's configuration; this one keeps its bridge up.
  await run("run", "-d", "--name", "anchor", "-p", "18300:80", ...SLEEP);
});

afterAll(async () => {
  await wharf.clear();
  await wharf[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await untilNoLeaseLingers();
  before = await takePicture(wharf.node);
});

// After each, the host looks as before, and the doctor says that all is well.
afterEach(async () => {
  await looksAsBefore(wharf.node, before);
  expect(await wharf.doctor()).toEqual([]);
  expect(comparePictures(before, await takePicture(wharf.node))).toBe("");
});

const SLEEP = ["busybox", "sleep", "1000"];

async function run(...args: string[]): Promise<string> {
  return await wharf.node.succeed(...args);
}

async function fail(exitCode: number, ...args: string[]): Promise<void> {
  expect(await wharf.node.cli(...args)).toMatchObject({ exitCode });
}

/** The lease of a creation is given back behind the command. */
async function untilNoLeaseLingers(): Promise<void> {
  await waitUntil("no lease lingers", async () => (await wharf.node.client.leases.list()).length === 0);
}

describe("nothing is left of", () => {
  it("a run and its rm", async () => {
    await run("run", "--name", "web", "busybox", "echo", "hello");
    await run("rm", "web");
  });

  it("a container that is removed while it runs, with ports (B3, B11)", async () => {
    await run("run", "-d", "--name", "web", "-p", "18301:80", "-p", "18302:81/udp", "-p", "82", ...SLEEP);
    await run("rm", "-f", "web");
  });

  it("run --rm, with volumes, shared memory and a terminal", async () => {
    const volumes = ["-v", "/data", "--mount", "type=tmpfs,destination=/scratch", "--ipc", "shareable"];
    await run("run", "--rm", ...volumes, "busybox", "sh", "-c", "echo x > /data/x");
    await wharf.node.cliWith({ tty: true }, "run", "--rm", "-it", "busybox", "true");
  });

  it("run -d --rm that ends by itself", async () => {
    await run("run", "-d", "--rm", "-p", "18301:80", "-v", "/data", "busybox", "true");
  });

  it("processes of exec, also those that cannot be started", async () => {
    await run("run", "-d", "--name", "web", "--network", "none", ...SLEEP);
    await run("exec", "web", "true");
    await run("exec", "-d", "web", "sleep", "0");
    await fail(127, "exec", "web", "nosuch");
    await run("rm", "-f", "web");
  });

  it("a run whose command cannot be started", async () => {
    await fail(127, "run", "--rm", "-p", "18301:80", "-v", "/data", "busybox", "nosuch");
    await fail(127, "run", "--name", "web", "-p", "18301:80", "busybox", "nosuch");
    await run("rm", "web");
  });

  it("a run whose port somebody has", async () => {
    const program = createServer().listen(18303, "127.0.0.1");
    await fail(125, "run", "--rm", "-p", "18302:80", "-p", "18303:81", "busybox", "true");
    await fail(125, "run", "--rm", "-p", "18302:80", "-p", "18300:81", "busybox", "true");
    program.close();
  });

  it("a container that is stopped, started, restarted and killed (B3)", async () => {
    await run("run", "-d", "--name", "web", "-p", "18301:80", ...SLEEP);
    await run("stop", "-t", "0", "web");
    await run("start", "web");
    await run("restart", "-t", "0", "web");
    await run("kill", "web");
    await run("rm", "web");
  });

  it("a run that has ended, but the container's own files (B3)", async () => {
    await run("create", "--name", "web", "-p", "18301:80", "--ipc", "shareable", ...SLEEP);
    await untilNoLeaseLingers();
    const created = await takePicture(wharf.node);
    await run("start", "web");
    await run("stop", "-t", "0", "web");
    await looksAsBefore(wharf.node, created, { except: ["data"] });
    expect(await wharf.doctor()).toEqual([]);
    await run("rm", "web");
  });

  it("many containers that publish ports at once (B4)", async () => {
    const names = Array.from({ length: 24 }, (_, index) => `web${index}`);
    const results = await Promise.all(
      names.map((name) => wharf.node.cli("run", "-d", "--name", name, "-p", "80", ...SLEEP)),
    );
    expect(results.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    const ports = (await run("ps", "--format", "{{.Ports}}")).split("\n");
    expect(new Set(ports).size).toBe(25);
    await run("rm", "-f", ...names);
  });

  it("an image that is saved, removed, loaded and removed", async () => {
    const archive = join(wharf.directory, "busybox.tar");
    await run("tag", "busybox", "copy");
    await run("save", "-o", archive, "copy");
    await run("rmi", "copy");
    await run("load", "-i", archive);
    await run("rmi", "copy");
    await rm(archive);
  });

  it("an image that is pulled and removed", async () => {
    const reference = await registry.push("small", await buildImage({ layers: [randomLayer(100_000)] }));
    await run("pull", reference);
    await run("rmi", reference);
  });
});
