import { describe, expect, it } from "vitest";
import { buildImage, randomLayer, type TestImage } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";
import { pushImage } from "../support/registry.ts";

const short = ({ config }: TestImage) => config.digest.slice(7, 19);

async function imageWith(labels: Readonly<Record<string, string>> = {}): Promise<TestImage> {
  return await buildImage({ layers: [randomLayer(1000)], config: { Labels: labels } });
}

describe("images", () => {
  it("shows an empty table for no images, and nothing with -q", async () => {
    await using node = await freshNamespace();

    expect(await node.cli("images")).toEqual({
      exitCode: 0,
      stdout: "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n",
      stderr: "",
    });
    expect(await node.cli("images", "-q")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });

  it("shows every name of an image, with ID, digest and size", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    const reference = await pushImage(node.host.registry, `${node.namespace}/app:1`, image);
    await node.succeed("pull", "-q", reference);
    await node.succeed("tag", reference, "local");
    const repository = reference.replace(/:1$/, "");

    const format = "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}";
    expect(await node.succeed("images", "--no-trunc", "--format", format)).toBe(
      `${repository} 1 ${image.target.digest} ${image.config.digest}\nlocal latest <none> ${image.config.digest}`,
    );
    expect(await node.succeed("images", "-q")).toBe(`${short(image)}\n${short(image)}`);
    expect((await node.succeed("images")).split("\n")[2]).toMatch(
      new RegExp(`^local +latest +${short(image)} +\\d+ months? ago|weeks ago|days ago +\\d`),
    );
    expect((await node.succeed("images", "--digests")).split("\n")[0]).toMatch(/TAG +DIGEST +IMAGE ID/);
    expect(JSON.parse(await node.succeed("images", "--format", "json", "local"))).toMatchObject({
      Repository: "local",
      Tag: "latest",
      ID: short(image),
      Containers: "0",
      SharedSize: "N/A",
    });
  });

  it("selects by name, label, age and danglingness", async () => {
    await using node = await freshNamespace();
    await node.load("one:1", await imageWith({ color: "red" }));
    await node.load("one:2", await imageWith({ color: "blue" }));
    await node.load("user/two:1", await imageWith());
    const names = async (...args: string[]) =>
      (await node.succeed("images", "--format", "{{.Repository}}:{{.Tag}}", ...args)).split("\n").sort().join(" ");

    expect(await names("one")).toBe("one:1 one:2");
    expect(await names("one:2")).toBe("one:2");
    expect(await names("three")).toBe("");
    expect(await names("-f", "reference=*:1")).toBe("one:1");
    expect(await names("-f", "reference=*/*")).toBe("user/two:1");
    expect(await names("-f", "label=color")).toBe("one:1 one:2");
    expect(await names("-f", "label=color=red")).toBe("one:1");
    expect(await names("-f", "until=1h")).toBe("one:1 one:2 user/two:1");
    expect(await names("-f", "before=one:1")).toBe("");
    expect(await names("-f", "dangling=true")).toBe("");
    await node.succeed("tag", "one:2", "one:1");
    expect(await names("-f", "dangling=true")).toBe("<none>:<none>");
    expect(await names("-f", "dangling=false")).toBe("one:1 one:2 user/two:1");
  });

  it("refuses filters that it does not know", async () => {
    await using node = await freshNamespace();
    const cases = [
      ["foo=bar", "invalid filter 'foo'"],
      ["dangling=maybe", "invalid filter 'dangling=[maybe]'"],
      ["before=nope", "No such image: nope:latest"],
      ["since=", "invalid reference format"],
    ];
    for (const [filter = "", message] of cases) {
      expect(await node.cli("images", "-f", filter)).toEqual({
        exitCode: 1,
        stdout: "",
        stderr: `wharf: ${message}\n`,
      });
    }
  });

  it("ignores records that are no images it can show", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    await node.load("app", image);
    // What the CRI plugin leaves beside each image, and an image of which only the record is left.
    await node.client.images.create({ name: image.config.digest, target: image.target });
    await node.client.content.delete(image.config.digest);

    expect(await node.succeed("images", "-q")).toBe("");
  });
});

describe("tag", () => {
  it("refuses what cannot be a source or a target", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    await node.load("app", image);
    const cases: [string, string, string][] = [
      ["nope", "x", "No such image: nope:latest"],
      [
        "app",
        "A:b",
        'Error parsing reference: "A:b" is not a valid repository/tag: invalid reference format: repository name (library/A) must be lowercase',
      ],
      ["app", `x@${image.target.digest}`, "refusing to create a tag with a digest reference"],
    ];
    for (const [source, target, message] of cases) {
      expect(await node.cli("tag", source, target)).toEqual({ exitCode: 1, stdout: "", stderr: `wharf: ${message}\n` });
    }
  });

  it("finds its source by ID, and by the beginning of one", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    await node.load("app", image);

    await node.succeed("tag", image.config.digest, "by-id");
    await node.succeed("tag", short(image), "by-short-id");

    expect((await node.client.images.get("docker.io/library/by-short-id:latest")).target).toEqual(
      (await node.client.images.get("docker.io/library/by-id:latest")).target,
    );
  });
});

describe("image inspect", () => {
  it("shows an image as docker does", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({
      layers: [randomLayer(1000, "a"), randomLayer(1000, "b")],
      config: { Cmd: ["serve"], ExposedPorts: { "80/tcp": {} }, Labels: { a: "b" }, WorkingDir: "/srv" },
    });
    const reference = await pushImage(node.host.registry, `${node.namespace}/app:1`, image);
    await node.succeed("pull", "-q", reference);

    const [shown] = JSON.parse(await node.succeed("image", "inspect", reference));

    expect(shown).toMatchObject({
      Id: image.config.digest,
      RepoTags: [reference],
      RepoDigests: [`${reference.replace(/:1$/, "")}@${image.target.digest}`],
      Created: "2026-01-01T00:00:00.000Z",
      Os: "linux",
      RootFS: { Type: "layers", Layers: image.diffIds },
      Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
    });
    expect(Object.keys(shown.Config)).toEqual([
      "Cmd",
      "Entrypoint",
      "Env",
      "ExposedPorts",
      "Labels",
      "OnBuild",
      "User",
      "Volumes",
      "WorkingDir",
    ]);
    expect(shown.Size).toBeGreaterThan(2000);
  });

  it("shows those that it finds, and reports the others", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    await node.load("app", image);

    expect(await node.cli("image", "inspect", "-f", "{{.Id}}", "nope", short(image))).toEqual({
      exitCode: 1,
      stdout: `${image.config.digest}\n`,
      stderr: "wharf: No such image: nope:latest\n",
    });
  });
});

describe("rmi", () => {
  it("takes names away one by one, and the image with the last", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    const reference = await pushImage(node.host.registry, `${node.namespace}/app:1`, image);
    await node.succeed("pull", "-q", reference);
    await node.succeed("tag", reference, "other:2");

    expect(await node.succeed("rmi", reference)).toBe(
      `Untagged: ${reference}\nUntagged: ${reference.replace(/:1$/, "")}@${image.target.digest}`,
    );
    expect(await node.succeed("rmi", "other:2")).toBe(
      `Untagged: other:2\nDeleted: ${image.config.digest}\nDeleted: ${image.diffIds[0]}`,
    );
    expect(await node.client.content.list()).toEqual([]);
    expect(await node.client.snapshots.list()).toEqual([]);
  });

  it("does not take an image of several names by its ID, unless it is forced", async () => {
    await using node = await freshNamespace();
    const image = await imageWith();
    await node.load("one", image);
    await node.succeed("tag", "one", "two");

    expect(await node.cli("rmi", short(image))).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `wharf: conflict: unable to delete ${short(image)} (must be forced) - image is referenced in multiple repositories\n`,
    });
    expect(await node.succeed("rmi", "-f", short(image))).toBe(
      `Untagged: one:latest\nUntagged: two:latest\nDeleted: ${image.config.digest}\nDeleted: ${image.diffIds[0]}`,
    );
  });

  it("keeps layers that another image has", async () => {
    await using node = await freshNamespace();
    const base = randomLayer(1000, "base");
    const one = await buildImage({ layers: [base, randomLayer(10, "one")] });
    const two = await buildImage({ layers: [base, randomLayer(10, "two")] });
    await node.load("one", one);
    await node.load("two", two);

    const deleted = (await node.succeed("rmi", "one")).split("\n");

    expect(deleted).toHaveLength(3);
    expect(deleted).not.toContain(`Deleted: ${base}`);
    expect((await node.client.snapshots.list()).map(({ name }) => name)).toContain(one.diffIds[0]);
    await node.succeed("image", "inspect", "two");
  });

  it("goes on after an image that is not there", async () => {
    await using node = await freshNamespace();
    await node.load("app", await imageWith());

    expect(await node.cli("rmi", "nope", "app")).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/^Untagged: app:latest\nDeleted: sha256:/),
      stderr: "wharf: No such image: nope:latest\n",
    });
    expect(await node.cli("rmi", "-f", "nope")).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "wharf: No such image: nope:latest\n",
    });
  });

  it("does not take an image from its containers", async () => {
    await using node = await freshNamespace();
    await node.load("busybox");
    await node.succeed("tag", "busybox", "second");
    const id = await node.succeed("create", "busybox", "true");
    const [image = ""] = (await node.succeed("images", "-q", "busybox")).split("\n");

    expect(await node.succeed("rmi", "second")).toBe("Untagged: second:latest");
    expect(await node.cli("rmi", "busybox")).toMatchObject({
      exitCode: 1,
      stderr: `wharf: conflict: unable to remove repository reference "busybox" (must force) - container ${id.slice(0, 12)} is using its referenced image ${image}\n`,
    });
    expect(await node.cli("rmi", image)).toMatchObject({
      exitCode: 1,
      stderr: `wharf: conflict: unable to delete ${image} (must be forced) - image is being used by stopped container ${id.slice(0, 12)}\n`,
    });
    expect(await node.succeed("images", "--format", "{{.Containers}}", "busybox")).toBe("1");
    // The layers stay as long as the container, whose file system is made of them.
    expect((await node.succeed("rmi", "-f", "busybox")).split("\n")).toHaveLength(2);
  });

  it("never takes an image from a container that runs, but its name", async () => {
    await using node = await freshNamespace();
    await node.load("busybox");
    const id = await node.succeed("run", "-d", "--network", "none", "busybox", "sleep", "1000");
    const [image = ""] = (await node.succeed("images", "-q")).split("\n");

    expect(await node.cli("rmi", "-f", image)).toMatchObject({
      exitCode: 1,
      stderr: `wharf: conflict: unable to delete ${image} (cannot be forced) - image is being used by running container ${id.slice(0, 12)}\n`,
    });
    expect(await node.succeed("rmi", "-f", "busybox")).toBe("Untagged: busybox:latest");
    expect(await node.succeed("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")).toBe(`<none>:<none> ${image}`);
  });
});
