import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EngineApi } from "../../src/api/client.ts";
import { resolveSettings } from "../../src/cli/settings.ts";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { apiSocketPath } from "../../src/store/layout.ts";
import { nodeOfFile } from "../support/file-node.ts";
import { busyboxImage } from "../support/images.ts";
import { ask } from "../support/network.ts";
import { networkTraces, noNetworkTraces } from "../support/network-traces.ts";
import { waitUntil } from "../support/wait-until.ts";

const PATIENCE_MS = 60_000;
const KIB = 1024;

const node = nodeOfFile();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sizes-"));
});

afterEach(async () => {
  await node.clear();
  await rm(directory, { recursive: true, force: true });
});

async function inspect(name: string): Promise<ContainerInspect> {
  const [container] = JSON.parse(await node.succeed("container", "inspect", name)) as ContainerInspect[];
  return container as ContainerInspect;
}

describe("a container", () => {
  it("has labels that are longer than containerd takes, of its own and of its image", async () => {
    const ofImage = "i".repeat(8 * KIB);
    const own = "o".repeat(5000);
    const image = await busyboxImage({ config: { Cmd: ["sh"], Labels: { "of-image": ofImage, small: "s" } } });
    await node.load("labelled", image);

    await node.succeed("run", "-d", "--name", "web", "--network", "none", "--label", `own=${own}`, "labelled", "top");

    expect((await inspect("web")).Config.Labels).toEqual({ "of-image": ofImage, own, small: "s" });
    expect(await node.succeed("ps", "--filter", `label=own=${own}`, "--format", "{{.Names}}")).toBe("web");
    expect(await node.succeed("ps", "--filter", "label=of-image", "--format", '{{.Label "of-image"}}')).toBe(ofImage);
    expect(await node.succeed("ps", "--filter", "label=own=other", "-q")).toBe("");
  });

  it("has two hundred published ports, and gives all of them back", async () => {
    const id = await node.succeed(
      ...["run", "-d", "--name", "web", "-p", "20000-20199:8000-8199"],
      ...["busybox", "sh", "-c", "nc -ll -p 8000 -e echo first & exec nc -ll -p 8199 -e echo last"],
    );

    const lines = (await node.succeed("port", "web")).split("\n");
    expect(lines).toHaveLength(200);
    expect(lines).toContain("8100/tcp -> 0.0.0.0:20100");
    expect(Object.keys((await inspect("web")).NetworkSettings.Ports)).toHaveLength(200);
    for (const [port, answer] of [
      [20000, "first\n"],
      [20199, "last\n"],
    ] as const) {
      await waitUntil(`port ${port} answers`, async () => (await ask("127.0.0.1", port)) === answer, PATIENCE_MS);
    }
    expect((await networkTraces(node.host.runRoot, id)).length).toBeGreaterThan(200);
    await node.succeed("rm", "-f", "web");
    await noNetworkTraces(node.host.runRoot, id);
    await node.succeed("run", "--rm", "-p", "20000-20199:8000-8199", "busybox", "true");
  }, 120_000);

  it("has a hundred mounts", async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    for (const index of numbers) {
      await mkdir(join(directory, `${index}`));
      await writeFile(join(directory, `${index}/number`), `${index}\n`);
    }
    const flags = numbers.flatMap((index) => ["-v", `${directory}/${index}:/mounts/deep/${index}:ro`]);

    const flagsAndName = ["--name", "web", "--network", "none", ...flags];
    const output = await node.succeed(
      "run",
      ...flagsAndName,
      "busybox",
      "sh",
      "-c",
      "cat /mounts/deep/*/number | sort -n",
    );

    expect(output.split("\n").map(Number)).toEqual(numbers);
    expect((await inspect("web")).Mounts).toHaveLength(100);
  });

  it("has a name of a hundred characters", async () => {
    const name = "n".repeat(100);

    await node.succeed("run", "-d", "--name", name, "--network", "none", "busybox", "top");

    expect(await node.succeed("ps", "--format", "{{.Names}}")).toBe(name);
    expect(await node.succeed("exec", name, "echo", "hello")).toBe("hello");
    expect(await node.succeed("rename", name, `${name}x`)).toBe("");
    expect(await node.succeed("rm", "-f", `${name}x`)).toBe(`${name}x`);
  });

  it("has 128 KiB of environment", async () => {
    const variables = Array.from({ length: 128 }, (_, index) => `VARIABLE_${index}=${"v".repeat(KIB)}`);
    const file = join(directory, "environment");
    await writeFile(file, `${variables.join("\n")}\n`);
    const flags = ["--name", "web", "--network", "none", "--env-file", file];

    await node.succeed("run", "-d", ...flags, "busybox", "top");

    const shown = (await node.succeed("exec", "web", "env")).split("\n");
    for (const variable of variables) expect(shown).toContain(variable);
    expect((await inspect("web")).Config.Env).toEqual(expect.arrayContaining(variables));
  });

  it("has a command line near the kernel's limit", async () => {
    // 14 words of 128 KiB less one byte, the longest that the kernel takes, are 1.8 MB of the 2 MB for all.
    const longest = "w".repeat(128 * KIB - 1);
    const words = Array.from({ length: 14 }, () => longest);
    const script = 'for word in "$@"; do expr length "$word"; done';

    const run = ["run", "--name", "web", "--network", "none", "busybox", "sh", "-c", script, "sh"];
    const output = await node.succeed(...run, ...words);

    expect(output.split("\n")).toEqual(words.map(({ length }) => String(length)));
    expect(await node.succeed("start", "-a", "web")).toBe(output);
    expect((await inspect("web")).Args.at(-1)).toBe(longest);
    expect(await node.succeed("ps", "-a", "--format", "{{.Command}}")).toBe(`"sh -c 'for word in …"`);
  });

  it("whose command line is beyond the limit says so", async () => {
    const settings = resolveSettings({}, { ...process.env, ...node.environment });
    await node.succeed("supervisor", "start");
    const api = new EngineApi({ ...settings, socketPath: apiSocketPath(settings) });
    // No shell could ask for this one; a client of the API can.
    const body = { Image: "busybox", Cmd: ["echo", "w".repeat(129 * KIB)], HostConfig: { NetworkMode: "none" } };
    await api.request("POST", "/containers/create", { query: { name: "web" }, body });
    api.close();

    // runc learns of it when it has said that it started; what it says then is the container's last word.
    const started = await node.cli("start", "-a", "web");

    expect(started.exitCode).not.toBe(0);
    expect(started.stderr).toMatch(/argument list too long/);
    expect((await inspect("web")).State).toMatchObject({ Status: "exited", Running: false });
  });

  it("that is larger than containerd takes is refused, and nothing of it is left", async () => {
    const settings = resolveSettings({}, { ...process.env, ...node.environment });
    await node.succeed("supervisor", "start");
    const api = new EngineApi({ ...settings, socketPath: apiSocketPath(settings) });
    const body = (bytes: number) => ({ Image: "busybox", Labels: { huge: "h".repeat(bytes) } });
    const before = (await node.client.snapshots.list()).length;

    await api.request("POST", "/containers/create", { query: { name: "large" }, body: body(5_000_000) });
    const refused = api.request("POST", "/containers/create", { query: { name: "huge" }, body: body(17_000_000) });

    await expect(refused).rejects.toThrow("the request's body is too large");
    api.close();
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}}")).toBe("large");
    expect((await inspect("large")).Config.Labels.huge).toHaveLength(5_000_000);
    await node.succeed("rm", "large");
    expect((await node.client.snapshots.list()).length).toBe(before);
  });
});
