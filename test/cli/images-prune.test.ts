import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, busyboxImage, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace, TestNode } from "../support/namespace.ts";

let node: TestNode;

beforeEach(async () => {
  node = await freshNamespace();
});

afterEach(async () => {
  await node[Symbol.asyncDispose]();
});

async function imageWith(labels: Readonly<Record<string, string>> = {}, sizeBytes = 1000): Promise<TestImage> {
  return await buildImage({ layers: [randomLayer(sizeBytes)], config: { Labels: labels } });
}

/** What is left, by name. */
async function names(of: TestNode = node): Promise<string[]> {
  return (await of.succeed("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n").filter(Boolean).sort();
}

/** The lines of a dry run, without its header and its sum: what is done to what, and why. */
async function dryRun(of: TestNode, ...flags: string[]): Promise<string[]> {
  const lines = (await of.succeed("image", "prune", "--dry-run", ...flags)).split("\n").slice(1, -1);
  return lines.map((line) => line.split(/ {2,}/)).map(([action, image, , , reason]) => `${action} ${image}: ${reason}`);
}

describe("image prune", () => {
  it("removes dangling images once they are confirmed, and tells what that freed", async () => {
    const gone = await imageWith({}, 100_000);
    await node.load("app:1", gone);
    await node.load("app:2", await imageWith());
    await node.succeed("tag", "app:2", "app:1");
    const question = "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ";

    for (const stdin of ["", "n\n", "yes\n"]) {
      expect(await node.cliWith({ stdin }, "image", "prune")).toEqual({ exitCode: 0, stdout: question, stderr: "" });
    }
    expect(await names()).toEqual(["<none>:<none>", "app:1", "app:2"]);

    const { exitCode, stdout, stderr } = await node.cliWith({ stdin: "y\n" }, "image", "prune");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(
      new RegExp(
        `^${question.replaceAll(/[[\]?/]/g, "\\$&")}Deleted Images:\ndeleted: ${gone.config.digest}\ndeleted: ${gone.diffIds[0]}\n\nTotal reclaimed space: 2\\d\\d\\.?\\d*kB\n$`,
      ),
    );
    expect(await names()).toEqual(["app:1", "app:2"]);
    expect(await node.succeed("image", "prune", "-f")).toBe("Total reclaimed space: 0B");
  });

  it("removes with -a what no container uses", async () => {
    await node.load("busybox");
    await node.load("app:1", await imageWith());
    await node.succeed("tag", "app:1", "other:1");
    const id = await node.succeed("create", "busybox", "true");

    expect(await dryRun(node, "-a")).toEqual(
      expect.arrayContaining([
        `keep busybox:latest: used by container ${id.slice(0, 12)}`,
        "remove app:1,other:1: no container uses it",
      ]),
    );
    expect(await names()).toEqual(["app:1", "busybox:latest", "other:1"]);

    const pruned = await node.succeed("image", "prune", "-af");
    expect(pruned).toMatch(/^Deleted Images:\nuntagged: app:1\nuntagged: other:1\ndeleted: sha256:/);
    expect(await names()).toEqual(["busybox:latest"]);
  });

  it("counts what images share once, and not at all where one that stays shares it", async () => {
    const base = randomLayer(300_000, "base");
    const kept = randomLayer(200_000, "kept");
    await node.load("one:1", await buildImage({ layers: [base, randomLayer(1000, "one")] }));
    await node.load("two:1", await buildImage({ layers: [base, randomLayer(1000, "two")] }));
    await node.load("stays:1", await buildImage({ layers: [kept], config: { Labels: { keep: "" } } }));
    await node.load("three:1", await buildImage({ layers: [kept, randomLayer(1000, "three")] }));

    const shown = await node.succeed("image", "prune", "-a", "--dry-run", "--filter", "label!=keep");
    const sizes = [...shown.matchAll(/^remove .* (\d+\.?\d*)kB /gm)].map(([, size]) => Number(size));
    // Compressed and unpacked: random bytes take as much in both.
    expect(sizes).toHaveLength(3);
    expect(sizes.toSorted((a, b) => b - a)[0]).toBeGreaterThan(600);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(700);
    const total = /Total reclaimable space: (.*)$/.exec(shown)?.[1];

    const pruned = await node.succeed("image", "prune", "-af", "--filter", "label!=keep");
    expect(/Total reclaimed space: (.*)$/.exec(pruned)?.[1]).toBe(total);
    expect(await names()).toEqual(["stays:1"]);
    await node.succeed("image", "prune", "-af");
    expect(await node.client.content.list()).toEqual([]);
    expect(await node.client.snapshots.list()).toEqual([]);
  });

  it("selects by label and age, and refuses other filters", async () => {
    await node.load("red:1", await imageWith({ color: "red" }));
    await node.load("blue:1", await imageWith({ color: "blue" }));
    await node.load("plain:1", await imageWith());

    expect(await dryRun(node, "-a", "--filter", "label=color=red")).toEqual(["remove red:1: no container uses it"]);
    expect(await dryRun(node, "-a", "--filter", "label!=color")).toEqual(["remove plain:1: no container uses it"]);
    expect(await dryRun(node, "-a", "--filter", "until=2026-01-01T00:00:00Z")).toHaveLength(3);
    expect(await dryRun(node, "-a", "--filter", "until=2025-12-31T23:59:59Z")).toEqual([]);
    expect(await node.cli("image", "prune", "-f", "--filter", "foo=bar")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: invalid filter 'foo'\n",
    });
    expect(await node.cli("image", "prune", "-f", "--filter", "until=1h", "--filter", "until=2h")).toMatchObject({
      exitCode: 1,
      stderr: "wharf: more than one until filter specified\n",
    });
  });

  it("spares what Kubernetes has pinned, and what a container of another namespace uses", async () => {
    await using other = await freshNamespace();
    const shared = await imageWith();
    // No other test's containers use this one.
    const runnable = await busyboxImage({ layers: [randomLayer(100)] });
    await node.load("own:1", runnable);
    await node.load("pinned:1", await imageWith());
    await node.load("copy:1", shared);
    await node.client.images.update(
      {
        ...(await node.client.images.get("docker.io/library/pinned:1")),
        labels: { "io.cri-containerd.pinned": "pinned" },
      },
      ["labels"],
    );
    await other.load("own:1", runnable);
    await other.load("shared:1", shared);
    const own = await other.succeed("create", "own:1", "true");
    // As another client makes a container: with the name of its image, and nothing of wharf's.
    await other.client.containers.create({
      id: "foreign-container",
      image: "docker.io/library/shared:1",
      runtime: { name: "io.containerd.runc.v2" },
      spec: {},
    });

    expect((await dryRun(node, "-a")).sort()).toEqual([
      `keep copy:1: used by container foreign-cont of namespace ${other.namespace}`,
      `keep own:1: used by container ${own.slice(0, 12)} of namespace ${other.namespace}`,
      "keep pinned:1: pinned for Kubernetes",
    ]);
    expect(await node.succeed("image", "prune", "-af")).toBe("Total reclaimed space: 0B");
    expect(await names()).toHaveLength(3);
  });

  it("spares the sandbox image of the CRI plugin, in its namespace alone", async () => {
    await using kubernetes = new TestNode(node.host, "k8s.io");
    const pause = await imageWith();
    for (const at of [node, kubernetes]) await at.load("registry.k8s.io/pause:3.9", pause);
    // What the CRI plugin leaves beside each image: a record by the image's ID.
    await kubernetes.client.images.create({ name: pause.config.digest, target: pause.target });
    await kubernetes.load("app:1", await imageWith());

    expect((await dryRun(kubernetes, "-a")).sort()).toEqual([
      "keep registry.k8s.io/pause:3.9: Kubernetes' sandbox image",
      "remove app:1: no container uses it",
    ]);
    expect(await dryRun(node, "-a")).toEqual(["remove registry.k8s.io/pause:3.9: no container uses it"]);
    expect(await names(kubernetes)).toEqual(["app:1", "registry.k8s.io/pause:3.9"]);
  });
});
