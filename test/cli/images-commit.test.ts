import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { waitUntil } from "../support/wait-until.ts";

let directory: string;
let node: TestNode;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-commit-"));
  node = await freshNamespace();
  await node.load("busybox");
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** The files of an archive, by name. */
async function filesOf(archive: Uint8Array): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks).toString());
  }
  return files;
}

async function inspect(image: string) {
  const [shown] = JSON.parse(await node.succeed("image", "inspect", image));
  return shown;
}

async function changedContainer(): Promise<string> {
  const script = "echo made > /made; rm /etc/group; echo more >> /etc/passwd; sleep 1000";
  const flags = ["--network", "none", "-e", "A=b", "-w", "/srv", "--label", "l=1", "--expose", "80", "-u", "0"];
  const id = await node.succeed("run", "-d", ...flags, "busybox", "sh", "-c", script);
  await waitUntil("the files are changed", async () => {
    const { stdout } = await node.cli("exec", id, "tail", "-1", "/etc/passwd");
    return stdout === "more\n";
  });
  return id;
}

describe("commit", () => {
  it("makes an image of a container that runs, with what it changed and what it was run with", async () => {
    const id = await changedContainer();

    const image = await node.succeed(
      "commit",
      "-a",
      "me",
      "-m",
      "a message",
      "-c",
      "ENV C=d",
      "-c",
      "CMD cat /made",
      id,
      "own:1",
    );

    expect(image).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await node.succeed("run", "--rm", "--network", "none", "own:1")).toBe("made");
    expect(await node.inside([], "ls /etc/group")).toBe("/etc/group");
    const listed = await node.succeed(
      "run",
      "--rm",
      "--network",
      "none",
      "own:1",
      "sh",
      "-c",
      "ls /etc; pwd; echo $A$C",
    );
    expect(listed.split("\n")).not.toContain("group");
    expect(listed).toMatch(/\n\/srv\nbd$/);
    const base = await inspect("busybox");
    expect(await inspect("own:1")).toMatchObject({
      Id: image,
      RepoTags: ["own:1"],
      Author: "me",
      Comment: "a message",
      Architecture: base.Architecture,
      Config: {
        Cmd: ["/bin/sh", "-c", "cat /made"],
        Env: expect.arrayContaining(["A=b", "C=d"]),
        ExposedPorts: { "80/tcp": {} },
        Labels: { l: "1" },
        User: "0",
        WorkingDir: "/srv",
      },
      RootFS: { Layers: [...base.RootFS.Layers, expect.stringMatching(/^sha256:/)] },
    });
    expect(await node.succeed("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "own:1")).toMatch(
      /^sh -c echo made .*\|a message\nlayer 0\|$/,
    );
    // The container runs on, and nothing is left but the image.
    expect(await node.succeed("inspect", "-f", "{{.State.Status}}", id)).toBe("running");
    // A container's creation gives its lease back a moment after it has answered.
    await waitUntil("no lease is left", async () => (await node.client.leases.list()).length === 0);
    const snapshots = await node.client.snapshots.list(["kind==view"]);
    expect(snapshots).toEqual([]);
  });

  it("makes an image of a container whose image is gone, and one without a name", async () => {
    const id = await changedContainer();
    await node.succeed("kill", id);
    await node.succeed("rmi", "-f", "busybox");
    expect(await node.client.images.list()).toEqual([]);

    const image = await node.succeed("commit", "-c", 'CMD ["cat","/made"]', id);

    expect(await node.succeed("images", "-q", "--no-trunc", "-f", "dangling=true")).toBe(image);
    expect(await node.succeed("run", "--rm", "--network", "none", image)).toBe("made");
  });

  it("refuses what it cannot do before it does anything", async () => {
    const id = await node.succeed("create", "busybox", "true");
    const cases: [string[], string][] = [
      [["nope"], "No such container: nope"],
      [["-c", "RUN x", id], "run is not a valid change command"],
      [[id, "UPPER"], "invalid reference format: repository name (library/UPPER) must be lowercase"],
    ];
    for (const [args, message] of cases) {
      expect(await node.cli("commit", ...args)).toEqual({ exitCode: 1, stdout: "", stderr: `wharf: ${message}\n` });
    }
    expect(await node.client.images.list()).toHaveLength(1);
  });
});

describe("export and import", () => {
  it("bring a container's files into an image of one layer", async () => {
    const id = await changedContainer();
    const path = join(directory, "root.tar");

    await node.succeed("export", "-o", path, id);
    const files = await filesOf(await readFile(path));
    expect(files.get("made")).toBe("made\n");
    expect(files.get("etc/passwd")).toMatch(/^root:[\s\S]*\nmore\n$/);
    expect(files.has("etc/group")).toBe(false);
    expect([...files.keys()].filter((name) => name.includes(".wh."))).toEqual([]);

    const changes = ["-c", "CMD cat /made", "-c", "ENV A=b", "-m", "brought in"];
    const image = await node.succeed("import", ...changes, path, "flat:1");
    expect(await node.succeed("run", "--rm", "--network", "none", "flat:1")).toBe("made");
    expect(await inspect(image)).toMatchObject({
      RepoTags: ["flat:1"],
      Comment: "brought in",
      Config: { Cmd: ["/bin/sh", "-c", "cat /made"], Env: ["A=b"] },
      RootFS: { Layers: [expect.any(String)] },
    });
    // A container's creation gives its lease back a moment after it has answered.
    await waitUntil("no lease is left", async () => (await node.client.leases.list()).length === 0);
  });

  it("reads stdin, compressed and not, and comes to the same layer; keeps the platform it is told", async () => {
    const id = await node.succeed("create", "busybox", "true");
    const exporting = node.start({}, "export", id);
    await exporting.result;
    const archive = exporting.stdoutBytes;

    const layers: string[] = [];
    for (const [stdin, tag] of [
      [archive, "plain"],
      [gzipSync(archive), "gzip"],
    ] as const) {
      await node.cliWith({ stdin }, "import", "--platform", "linux/arm/v7", "-", `app:${tag}`);
      const { RootFS, Architecture, Variant, Comment } = await inspect(`app:${tag}`);
      expect({ Architecture, Variant, Comment }).toEqual({
        Architecture: "arm",
        Variant: "v7",
        Comment: "Imported from -",
      });
      layers.push(...RootFS.Layers);
    }
    expect(layers).toHaveLength(2);
    expect(new Set(layers).size).toBe(1);
  });

  it("refuse what is no archive, no file and no container", async () => {
    await writeFile(join(directory, "text"), "no archive at all".repeat(100));
    const cases: [string[], RegExp][] = [
      [["import", join(directory, "nope")], /^wharf: open .*nope: no such file or directory\n$/],
      [["import", join(directory, "text")], /^wharf: .*(tar|archive|header)/],
      [["import", "-c", "RUN x", join(directory, "text")], /^wharf: run is not a valid change command\n$/],
      [["export", "nope"], /^wharf: No such container: nope\n$/],
    ];
    for (const [args, message] of cases) {
      expect(await node.cli(...args)).toEqual({ exitCode: 1, stdout: "", stderr: expect.stringMatching(message) });
    }
    expect(await node.client.images.list()).toHaveLength(1);
  });
});
