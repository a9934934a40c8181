import { describe, expect, it } from "vitest";
import { buildImage, buildIndex, HOST_PLATFORM, randomLayer } from "../support/images.ts";
import { freshNamespace } from "../support/namespace.ts";

const CREATED = "2026-01-01T00:00:00Z";

describe("history", () => {
  it("shows the steps of an image, the last one first, with the size of each one's layer", async () => {
    await using node = await freshNamespace();
    const image = await buildImage({ layers: [randomLayer(10_000, "a"), randomLayer(50_000, "b")] });
    await node.load("app:1", image);
    await node.succeed("tag", "app:1", "app:2");
    const short = image.config.digest.slice(7, 19);

    const lines = (await node.succeed("history", "app:1")).split("\n");
    expect(lines[0]).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(lines[1]).toMatch(new RegExp(`^${short} +.* ago +layer 1 +\\d\\d\\.?\\d?kB *$`));
    expect(lines[2]).toMatch(/^<missing> +.* ago +layer 0 +\d\d\.?\dkB *$/);
    expect(lines).toHaveLength(3);

    const bytes = await node.succeed("history", "-H=false", "--format", "{{.CreatedSince}} {{.Size}}", short);
    const [top, bottom] = bytes.split("\n").map((line) => line.split(" "));
    expect([top?.[0], bottom?.[0]]).toEqual([CREATED, CREATED]);
    expect(Number(top?.[1])).toBeGreaterThanOrEqual(50_000);
    expect(Number(bottom?.[1])).toBeLessThan(50_000);

    expect(await node.succeed("history", "-q", "--no-trunc", "app:2")).toBe(`${image.config.digest}\n<missing>`);
    expect(JSON.parse((await node.succeed("history", "--format", "json", "app:1")).split("\n")[0] ?? "")).toEqual({
      Comment: "",
      CreatedAt: CREATED,
      CreatedBy: "layer 1",
      CreatedSince: expect.stringMatching(/ ago$/),
      ID: short,
      Size: expect.stringMatching(/kB$/),
    });
  });

  it("shows the platform that is asked for, and says when the image has none such", async () => {
    await using node = await freshNamespace();
    const own = await buildImage({ layers: [randomLayer(1000)] });
    const other = await buildImage({ layers: [randomLayer(1000)], platform: { os: "linux", architecture: "s390x" } });
    await node.load("app:1", await buildIndex([own, other]));

    expect(await node.succeed("history", "-q", "--no-trunc", "--platform", "linux/s390x", "app:1")).toBe(
      other.config.digest,
    );
    const wanted = HOST_PLATFORM.architecture;
    expect(await node.succeed("history", "-q", "--no-trunc", "--platform", wanted, "app:1")).toBe(own.config.digest);
    expect(await node.cli("history", "--platform", "linux/riscv64", "app:1")).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringContaining("does not match the specified platform (linux/riscv64)"),
    });
    expect(await node.cli("history", "nope")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: No such image: nope:latest\n",
    });
  });
});
