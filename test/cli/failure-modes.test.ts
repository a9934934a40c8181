import { rm } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { ContainerInspect } from "../../src/model/container-view.ts";
import { buildImage, buildIndex, HOST_PLATFORM, randomLayer } from "../support/images.ts";
import { freshNamespace, type TestNode } from "../support/namespace.ts";
import { runProgram } from "../support/program.ts";
import { pushImage } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

async function inspect(node: TestNode, name: string): Promise<ContainerInspect> {
  const [container] = JSON.parse(await node.succeed("container", "inspect", name)) as ContainerInspect[];
  return container as ContainerInspect;
}

describe("images", () => {
  it("an image of which one platform of several is here can be tagged, saved and loaded", async () => {
    await using node = await freshNamespace();
    const platforms = [HOST_PLATFORM, { os: "linux", architecture: "s390x" }, { os: "linux", architecture: "riscv64" }];
    const images = await Promise.all(
      platforms.map((platform) => buildImage({ layers: [randomLayer(2000)], platform })),
    );
    const reference = await pushImage(node.host.registry, `${node.namespace}/several`, await buildIndex(images));
    await node.succeed("pull", "-q", reference);

    await node.succeed("tag", reference, "other:1");
    const path = `/tmp/${node.namespace}.tar`;
    try {
      await node.succeed("save", "-o", path, "other:1");
      await node.succeed("rmi", "-f", "other:1", reference);
      expect(await node.succeed("load", "-i", path)).toBe("Loaded image: other:1");
      await node.succeed("save", "-o", "/dev/null", "other:1");
    } finally {
      await rm(path, { force: true });
    }
  });
});

describe("containers", () => {
  it("a container with 200 ports, 100 mounts, labels of 8 KB and a name of 100 letters is like any other", async () => {
    await using node = await freshNamespace();
    await node.load("busybox");
    const name = "n".repeat(100);
    const label = "l".repeat(8000);
    const mounts = Array.from({ length: 100 }, (_, index) => `type=tmpfs,dst=/mnt/${index}`);
    const flags = [
      ...["--label", `long=${label}`, "-p", "24000-24199:1000-1199"],
      ...mounts.flatMap((mount) => ["--mount", mount]),
    ];

    await node.succeed("run", "-d", "--name", name, ...flags, "busybox", "sleep", "1000");

    const { Name: shown, Config: config, Mounts: shownMounts, NetworkSettings: network } = await inspect(node, name);
    expect(shown).toBe(`/${name}`);
    expect(config.Labels?.long).toBe(label);
    expect(Object.keys(network.Ports ?? {})).toHaveLength(200);
    expect(shownMounts).toHaveLength(100);
    expect(await node.succeed("exec", name, "sh", "-c", "grep -c ' /mnt/' /proc/mounts")).toBe("100");
    expect(await node.succeed("ps", "--filter", `label=long=${label}`, "--format", "{{.Names}}")).toBe(name);
    await node.succeed("rm", "-f", name);
    expect((await runProgram("iptables-save", [])).stdout).not.toContain("dport 24000");
  });

  const PARTS: Readonly<Record<string, (node: TestNode, id: string) => Promise<unknown>>> = {
    task: async (node, id) => {
      await node.client.tasks.kill(id, { signal: 9 });
      await waitUntil("the task is deleted", async () => {
        await node.client.tasks.delete(id).catch(() => undefined);
        return (await node.client.tasks.list()).length === 0;
      });
    },
    snapshot: async (node, id) => {
      await PARTS.task?.(node, id);
      await node.client.snapshots.remove(id);
    },
    "network namespace": async (_, id) => await runProgram("ip", ["netns", "delete", `wharf-${id.slice(0, 12)}`]),
    "files of its own": async (node, id) => {
      const { HostsPath: path } = await inspect(node, id);
      await rm(path.replace(/\/hosts$/, ""), { recursive: true });
    },
    image: async (node) => {
      for (const { name } of await node.client.images.list()) await node.client.images.delete(name, { sync: true });
    },
  };

  it.each(Object.keys(PARTS))(
    "a container of which any part has been taken away can be removed: its %s",
    async (part) => {
      await using node = await freshNamespace();
      await node.load("busybox");
      const options = ["--name", "web", "--ipc", "shareable", "-p", "18297:80"];
      const id = await node.succeed("run", "-d", ...options, "busybox", "sleep", "1000");
      await PARTS[part]?.(node, id);

      await node.succeed("rm", "-f", "web");

      expect(await node.succeed("ps", "-aq")).toBe("");
      if (part === "image") await node.load("busybox");
      expect(await node.succeed("run", "--rm", ...options, "busybox", "echo", "again")).toBe("again");
    },
  );
});
