import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { buildImage, buildIndex, busyboxImage, dockerArchive, ociArchive, randomLayer } from "../support/images.ts";
import { pushImage } from "../support/registry.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const PULL_POINTS = [
  "pull.resolved",
  "pull.leased",
  "pull.manifest-stored",
  "pull.config-stored",
  "pull.blob-chunk-written",
  "pull.blob-written",
  "pull.blob-committed",
  "unpack.snapshot-prepared",
  "unpack.layer-applied",
  "unpack.snapshot-committed",
  "unpack.snapshot-referred",
  "pull.layers-unpacked",
  "pull.recorded",
  "image.recorded",
];

const LOAD_POINTS = [
  "load.leased",
  "load.blob-chunk-written",
  "load.content-stored",
  "load.tree-labelled",
  "load.unpacked",
];

/** What is done by the command's own process, which dies at each of the points. */
export const COMMAND_SCENARIOS: readonly Scenario[] = [
  {
    what: "pull",
    checks: "the image is complete or not there, and can be pulled, saved and removed",
    points: PULL_POINTS,
    async play(stage, point) {
      const image = await busyboxImage({ layers: [randomLayer(300_000, point)] });
      const reference = await pushImage(stage.registry, `pull-${point.replace(".", "-")}`, image);
      await stage.strikeCommand(point, ["pull", "-q", reference]);
      // Either it is not there at all, or it is there and complete.
      const listed = await stage.node.succeed("images", "--format", "{{.Repository}}:{{.Tag}}");
      if (listed.split("\n").includes(reference)) await stage.node.succeed("save", "-o", "/dev/null", reference);
      expect(await stage.node.succeed("pull", "-q", reference)).toBe(reference);
      await stage.node.succeed("save", "-o", "/dev/null", reference);
      await stage.node.succeed("rmi", reference);
    },
  },
  {
    what: "pull of a newer image of the same name",
    checks: "the name is of the older image, then of the newer one",
    points: ["image.previous-kept"],
    async play(stage, point) {
      const [older, newer] = await Promise.all([
        buildImage({ layers: [randomLayer(1000)] }),
        buildImage({ layers: [randomLayer(1000)] }),
      ]);
      const reference = await pushImage(stage.registry, "moved", older);
      await stage.node.succeed("pull", "-q", reference);
      await pushImage(stage.registry, "moved", newer);
      await stage.strikeCommand(point, ["pull", "-q", reference]);
      expect(await idOf(stage, reference)).toBe(older.config.digest);
      await stage.node.succeed("pull", "-q", reference);
      expect(await idOf(stage, reference)).toBe(newer.config.digest);
      await stage.node.succeed("rmi", newer.config.digest);
      await stage.node.succeed("rmi", older.config.digest);
    },
  },
  {
    what: "load",
    checks: "the image can be loaded, saved and removed",
    points: LOAD_POINTS,
    async play(stage, point) {
      const name = `load-${point.replace(".", "-")}:latest`;
      const image = await buildImage({ layers: [randomLayer(300_000, point)] });
      const stdin = await ociArchive(image, [`docker.io/library/${name}`]);
      await stage.strikeCommand(point, ["load"], { stdin });
      expect((await stage.node.cliWith({ stdin }, "load")).stdout).toBe(`Loaded image: ${name}\n`);
      await stage.node.succeed("save", "-o", "/dev/null", name);
      await stage.node.succeed("rmi", name);
    },
  },
  {
    what: "save",
    checks: "the file that was there is as it was; saved again it can be loaded; no other file is left",
    points: ["save.written"],
    async play(stage, point) {
      const directory = join(stage.directory, "saved");
      await mkdir(directory);
      const path = join(directory, "image.tar");
      await writeFile(path, "what was there before");
      await stage.strikeCommand(point, ["save", "-o", path, "busybox"]);
      expect(await readFile(path, "utf8")).toBe("what was there before");
      await stage.node.succeed("save", "-o", path, "busybox");
      const { stdout } = await stage.node.cliWith({ stdin: await readFile(path) }, "load");
      expect(stdout).toBe("Loaded image: busybox:latest\n");
      await stage.repair();
      expect(await readdir(directory)).toEqual(["image.tar"]);
      await rm(directory, { recursive: true });
    },
  },
  {
    what: "rmi",
    checks: "the name is gone, other names are whole, the image can be loaded and removed",
    points: ["rmi.untagged", "rmi.record-deleted"],
    async play(stage, point) {
      const image = await buildImage({ layers: [randomLayer(1000, point)] });
      const names = ["removed:one", "removed:two"];
      const stdin = await ociArchive(
        image,
        names.map((name) => `docker.io/library/${name}`),
      );
      await stage.node.cliWith({ stdin }, "load");
      // A name that is one of several is taken away; an image is deleted with all of its names.
      const target = point === "rmi.untagged" ? ["removed:one"] : ["-f", image.config.digest];
      await stage.strikeCommand(point, ["rmi", ...target]);
      expect(await stage.node.succeed("images", "-q", "--filter", "reference=removed:one")).toBe("");
      await stage.node.succeed("save", "-o", "/dev/null", "removed:two");
      await stage.node.succeed("rmi", "-f", image.config.digest);
      await stage.node.cliWith({ stdin }, "load");
      await stage.node.succeed("rmi", "-f", image.config.digest);
    },
  },
  {
    what: "rmi --platform",
    checks: "the other platform is whole, and the image can be removed",
    points: ["rmi.platform-let-go"],
    async play(stage, point) {
      const foreign = await buildImage({
        layers: [randomLayer(1000, point)],
        platform: { os: "linux", architecture: "s390x" },
      });
      const own = await buildImage({ layers: [randomLayer(1000, point)] });
      await stage.node.load("platforms:1", await buildIndex([foreign, own]));
      const command = ["rmi", "--platform", "linux/s390x", "platforms:1"];
      await stage.strikeCommand(point, command);
      await stage.node.succeed("save", "-o", "/dev/null", "platforms:1");
      // Let go of is as good as gone: the next collection takes it.
      expect((await stage.node.cli(...command)).exitCode).toBeLessThan(2);
      await stage.node.succeed("rmi", "platforms:1");
    },
  },
  {
    what: "import",
    checks: "there is no image, and the archive can be imported, saved and removed",
    points: ["layer.chunk-written", "import.layer-stored", "import.unpacked"],
    async play(stage, point) {
      const archive = await dockerArchive(await buildImage({ layers: [randomLayer(300_000, point)] }), []);
      const command = ["import", "-", "imported:1"];
      await stage.strikeCommand(point, command, { stdin: archive });
      expect(await stage.node.succeed("images", "-q", "imported")).toBe("");
      expect((await stage.node.cliWith({ stdin: archive }, ...command)).stdout).toMatch(/^sha256:/);
      await stage.node.succeed("save", "-o", "/dev/null", "imported:1");
      await stage.node.succeed("rmi", "imported:1");
    },
  },
  {
    what: "push",
    checks: "the image can be pushed, removed and pulled again",
    points: ["push.blob-pushed", "push.blobs-pushed", "push.manifest-pushed", "push.tagged"],
    async play(stage, point) {
      const foreign = { os: "linux", architecture: "s390x" };
      const images = [{}, { platform: foreign }].map((rest) =>
        buildImage({ layers: [randomLayer(300_000, point)], ...rest }),
      );
      const reference = `${stage.registry}/push-${point.replace(".", "-")}:1`;
      await stage.node.load(reference, await buildIndex(await Promise.all(images)));
      await stage.strikeCommand(point, ["push", "-q", reference]);
      expect(await stage.node.succeed("push", "-q", reference)).toBe(reference);
      await stage.node.succeed("rmi", reference);
      await stage.node.succeed("pull", "-q", reference);
      await stage.node.succeed("rmi", reference);
    },
  },
  {
    what: "image convert",
    checks: "there is no new image, and the old one can be converted, saved and removed",
    points: ["convert.layer-stored", "convert.manifests-stored"],
    async play(stage, point) {
      await stage.node.load("converted:1", await buildImage({ layers: [randomLayer(300_000, point)] }));
      const command = ["image", "convert", "-q", "--zstd", "converted:1", "converted:2"];
      await stage.strikeCommand(point, command);
      expect(await stage.node.succeed("images", "-q", "converted:2")).toBe("");
      expect((await stage.node.cli(...command)).exitCode).toBe(0);
      await stage.node.succeed("save", "-o", "/dev/null", "converted:2");
      await stage.node.succeed("rmi", "converted:1", "converted:2");
    },
  },
  {
    what: "image repair",
    checks: "what was begun can be done again, and its result is whole",
    points: ["repair.blob-fetched", "repair.fetched", "repair.trimmed"],
    async play(stage, point) {
      const foreign = await buildImage({
        layers: [randomLayer(1000, point)],
        platform: { os: "linux", architecture: "s390x" },
      });
      const own = await buildImage({ layers: [randomLayer(300_000, point)] });
      const name = `repair-${point.replace(".", "-")}:1`;
      const reference = await pushImage(stage.registry, name, await buildIndex([own, foreign]));
      await stage.node.succeed("pull", "-q", reference);
      if (point === "repair.trimmed") {
        await stage.strikeCommand(point, ["image", "repair", "--trim", reference]);
        await stage.node.succeed("image", "repair", "--trim", reference);
      } else {
        await stage.node.client.content.delete(own.layers[0]?.digest ?? "");
        await stage.strikeCommand(point, ["image", "repair", reference]);
        await stage.node.succeed("image", "repair", reference);
      }
      await stage.node.succeed("save", "-o", "/dev/null", reference);
      await stage.node.succeed("rmi", reference);
    },
  },
  {
    what: "run -d",
    checks: "the container is there, created or running; it can be started and removed, and its name is free",
    points: ["run.created", "run.started"],
    async play(stage, point, name) {
      const command = ["run", "-d", "--network", "none", "--name", name, "busybox", "sleep", "1000"];
      await stage.node.succeed("supervisor", "start");
      await stage.strikeCommand(point, command);
      expect((await stage.inspect(name)).State.Status).toBe(point === "run.created" ? "created" : "running");
      expect(await stage.node.succeed("start", name)).toBe(name);
      await stage.node.succeed("rm", "-f", name);
      await stage.node.succeed(...(command as [string]));
      await stage.node.succeed("rm", "-f", name);
    },
  },
];

async function idOf(stage: Stage, reference: string): Promise<string> {
  return await stage.node.succeed("image", "inspect", "--format", "{{.Id}}", reference);
}
