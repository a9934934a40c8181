import { describe, expect, it } from "vitest";
import { buildImage, buildIndex, HOST_PLATFORM, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";

const OTHER = { os: "linux", architecture: "s390x" };
const own = `linux/${HOST_PLATFORM.architecture}`;

async function twoPlatforms(): Promise<{ image: TestImage; first: TestImage; second: TestImage }> {
  // The other one comes first: which one is meant without a word is this machine's all the same.
  const first = await buildImage({ layers: [randomLayer(10_000)], platform: OTHER });
  const second = await buildImage({ layers: [randomLayer(20_000)] });
  return { image: await buildIndex([first, second]), first, second };
}

const short = (digest: string) => digest.slice(7, 19);

describe("an image of two platforms", () => {
  it("is this machine's where no platform is named, and shows both in a tree", async () => {
    await using node = await freshNamespace();
    const { image, first, second } = await twoPlatforms();
    await node.load("app:1", image);
    await node.succeed("tag", "app:1", "app:2");
    await node.client.content.delete(first.layers[0]?.digest ?? "");

    expect(await node.succeed("images", "-q", "--no-trunc", "app:1")).toBe(second.config.digest);
    const lines = (await node.succeed("images", "--tree")).split("\n");
    expect(lines[0]).toMatch(/^Info ->/);
    expect(lines[2]).toMatch(/^IMAGE +ID +DISK USAGE +CONTENT SIZE +EXTRA$/);
    expect(lines[3]).toBe("app:1");
    expect(lines[4]).toMatch(new RegExp(`^app:2 +${short(second.config.digest)} +\\d\\S+kB +2\\d\\.?\\d*kB$`));
    expect(lines[5]).toMatch(new RegExp(`^├─ linux/s390x +${short(first.target.digest)} +\\S+B +\\S+B +M$`));
    expect(lines[6]).toMatch(new RegExp(`^└─ ${own} +${short(second.target.digest)} +\\S+kB +\\S+kB$`));
    expect(await node.cli("images", "--tree", "-q")).toMatchObject({
      exitCode: 1,
      stderr: "wharf: --quiet is not yet supported with --tree\n",
    });
  });

  it("loses the platform that rmi is told, and with the last one goes itself", async () => {
    await using node = await freshNamespace();
    const { image, first, second } = await twoPlatforms();
    await node.load("app:1", image);

    expect(await node.cli("rmi", "--platform", "linux/riscv64", "app:1")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("does not match the specified platform (linux/riscv64)"),
    });
    expect(await node.succeed("rmi", "--platform", "linux/s390x", "app:1")).toBe(`Deleted: ${first.target.digest}`);
    const left = (await node.client.content.list()).map(({ digest }) => digest).sort();
    const expected = [image.target.digest, second.target.digest, second.config.digest, second.layers[0]?.digest];
    expect(left).toEqual(expected.sort());
    expect(await node.succeed("rmi", "--platform", own, "app:1")).toMatch(/^Untagged: app:1\nDeleted: sha256:/);
    expect(await node.client.content.list()).toEqual([]);
  });

  it("keeps the platform that a container uses", async () => {
    await using node = await freshNamespace();
    const { image, second } = await twoPlatforms();
    await node.load("app:1", image);
    const id = await node.succeed("create", "app:1", "true");

    expect(await node.cli("rmi", "--platform", own, "app:1")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `wharf: conflict: unable to delete ${own} of app:1 (must be forced) - image is being used by stopped container ${id.slice(0, 12)}\n`,
    });
    expect(await node.succeed("rmi", "-f", "--platform", own, "app:1")).toBe(`Deleted: ${second.target.digest}`);
    expect(await node.succeed("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe("app:1");
  });
});
