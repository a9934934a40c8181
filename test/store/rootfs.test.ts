import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Mount } from "../../src/model/mount.ts";
import { Rootfs } from "../../src/store/rootfs.ts";
import { readUserDatabase } from "../../src/store/user-database.ts";

const run = promisify(execFile);

/** Layers that the kernel's own overlayfs wrote, so whiteouts and opaque directories are as a snapshotter's. */
class Layers implements AsyncDisposable {
  readonly #layers: string[] = [];

  private constructor(readonly directory: string) {}

  static async create(): Promise<Layers> {
    return new Layers(await mkdtemp(join(tmpdir(), "layers-")));
  }

  /** Puts a layer on top, with what the shell commands change in the root directory. */
  async add(commands: string): Promise<void> {
    const [upper, work, merged] = ["fs", "work", "merged"].map((name) =>
      join(this.directory, `${this.#layers.length}`, name),
    );
    if (upper === undefined || work === undefined || merged === undefined) throw new Error("unreachable");
    for (const path of [upper, work, merged]) await mkdir(path, { recursive: true });
    if (this.#layers.length === 0) {
      await run("sh", ["-ec", commands], { cwd: upper });
    } else {
      const options = `lowerdir=${this.#layers.join(":")},upperdir=${upper},workdir=${work}`;
      await run("mount", ["-t", "overlay", "-o", options, "overlay", merged]);
      await run("sh", ["-ec", commands], { cwd: merged });
      await run("umount", [merged]);
    }
    this.#layers.unshift(upper);
  }

  /** The mounts of a fresh container's snapshot, as containerd's overlayfs snapshotter answers them. */
  async mounts(): Promise<Mount[]> {
    const [upper, work] = [join(this.directory, "container/fs"), join(this.directory, "container/work")];
    await mkdir(upper, { recursive: true });
    await mkdir(work, { recursive: true });
    const options = ["index=off", `workdir=${work}`, `upperdir=${upper}`, `lowerdir=${this.#layers.join(":")}`];
    return [{ type: "overlay", source: "overlay", target: "", options }];
  }

  async open(): Promise<Rootfs> {
    return Rootfs.fromMounts(await this.mounts(), join(this.directory, "mnt"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}

describe("an overlay's layers", () => {
  it("are read topmost first, and merged", async () => {
    await using layers = await Layers.create();
    await layers.add("mkdir -p etc var; echo base > etc/one; echo base > etc/two; echo base > var/three");
    await layers.add("echo top > etc/one");
    await using rootfs = await layers.open();

    expect(await rootfs.readText("/etc/one")).toBe("top\n");
    expect(await rootfs.readText("/etc/two")).toBe("base\n");
    expect(await rootfs.readText("/var/three")).toBe("base\n");
    expect(await rootfs.readText("/etc/none")).toBeUndefined();
    expect(await rootfs.readText("/etc")).toBeUndefined();
    expect(await rootfs.readText("/etc/one/below")).toBeUndefined();
  });

  it("hide what was removed, whether the file or the directory, and what was replaced", async () => {
    await using layers = await Layers.create();
    await layers.add(
      "mkdir -p etc opt/a data; echo 1 > etc/file; echo 1 > opt/a/file; echo 1 > data/old; echo 1 > thing",
    );
    await layers.add("rm etc/file; rm -r opt/a; rm -r data; mkdir data; echo 2 > data/new; rm thing; mkdir thing");
    await using rootfs = await layers.open();

    expect(await rootfs.readText("/etc/file")).toBeUndefined();
    expect(await rootfs.locate("/opt/a")).toBeUndefined();
    expect(await rootfs.readText("/opt/a/file")).toBeUndefined();
    expect(await rootfs.readText("/data/new")).toBe("2\n");
    // The new directory is opaque: the old one's files are not in it.
    expect(await rootfs.readText("/data/old")).toBeUndefined();
    expect((await rootfs.locate("/thing"))?.stats.isDirectory()).toBe(true);
    expect(await readdir((await rootfs.directory("/data"))?.hostPath ?? "")).toEqual(["new"]);
  });

  it("may be many, with long paths", async () => {
    await using layers = await Layers.create();
    await layers.add("mkdir -p etc; echo 0 > etc/0");
    for (let index = 1; index < 40; index++) await layers.add(`echo ${index} > etc/${index}`);
    await using rootfs = await layers.open();

    expect(await rootfs.readText("/etc/0")).toBe("0\n");
    expect(await rootfs.readText("/etc/39")).toBe("39\n");
  });

  it("leave no mount behind, not even one that is in use", async () => {
    await using layers = await Layers.create();
    await layers.add("mkdir -p etc; echo 1 > etc/one");
    await layers.add("echo 2 > etc/two");
    const rootfs = await layers.open();
    const directory = await rootfs.directory("/etc");
    expect(await readdir(directory?.hostPath ?? "")).toEqual(["one", "two"]);
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(layers.directory);

    await rootfs[Symbol.asyncDispose]();

    await expect(readdir(directory?.hostPath ?? "")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("symbolic links", () => {
  it("lead to somewhere inside the root, absolute ones and those with too many dots too", async () => {
    await using root = await directoryRoot();
    await root.write("real/etc/passwd", "inside");
    await root.link("etc", "/real/etc");
    await root.link("up", "../../../../real/etc/passwd");
    await root.link("chain", "etc/../up");
    await root.link("here", ".");

    expect(await root.rootfs.readText("/etc/passwd")).toBe("inside");
    expect(await root.rootfs.readText("/up")).toBe("inside");
    // `etc` leads to /real/etc, whose parent has no `up`: links are followed before dots.
    expect(await root.rootfs.readText("/chain")).toBeUndefined();
    expect(await root.rootfs.readText("/here/here/etc/../../real/etc/passwd")).toBe("inside");
    expect((await root.rootfs.locate("/etc/passwd"))?.path).toBe("/real/etc/passwd");
    expect(await root.rootfs.readText("/../../etc/passwd")).toBe("inside");
  });

  it("that lead to themselves are an error, and those that lead nowhere are nothing", async () => {
    await using root = await directoryRoot();
    await root.link("loop", "loop");
    await root.link("lost", "/nowhere");

    await expect(root.rootfs.readText("/loop")).rejects.toMatchObject({
      code: "invalid-argument",
      message: "too many levels of symbolic links: /loop",
    });
    expect(await root.rootfs.readText("/lost")).toBeUndefined();
  });

  it("cross layers", async () => {
    await using layers = await Layers.create();
    await layers.add("mkdir -p usr/lib; echo found > usr/lib/users");
    await layers.add("mkdir etc; ln -s /usr/lib/users etc/passwd");
    await using rootfs = await layers.open();

    expect(await readUserDatabase(rootfs)).toEqual({ passwd: "found\n", group: "" });
  });
});

describe("what is no regular file", () => {
  it("is not read: a FIFO would be waited for", async () => {
    await using root = await directoryRoot();
    await root.write("etc/group", "root:x:0:");
    await run("mkfifo", [join(root.directory, "etc/passwd")]);

    expect(await readUserDatabase(root.rootfs)).toEqual({ passwd: "", group: "root:x:0:" });
  });
});

describe("the native snapshotter's single bind mount", () => {
  it("is read where it lies", async () => {
    await using root = await directoryRoot();
    await root.write("etc/passwd", "native");
    const mounts = [{ type: "bind", source: root.directory, target: "", options: ["rbind", "rw"] }];
    await using rootfs = Rootfs.fromMounts(mounts, "/nowhere");

    expect(await rootfs.readText("/etc/passwd")).toBe("native");
  });
});

describe("a snapshot that is no directory", () => {
  it("is mounted for reading", async () => {
    await using root = await directoryRoot();
    const image = join(root.directory, "image");
    await root.write("content/etc/passwd", "mounted");
    await run("truncate", ["--size=8M", image]);
    await run("mke2fs", ["-q", "-t", "ext4", "-d", join(root.directory, "content"), image]);
    const mounts = [{ type: "ext4", source: image, target: "", options: ["loop", "rw"] }];
    await using rootfs = Rootfs.fromMounts(mounts, join(root.directory, "mnt"));

    expect(await rootfs.readText("/etc/passwd")).toBe("mounted");
  });

  it("and cannot be mounted is an error in mount's words", async () => {
    await using root = await directoryRoot();
    const mounts = [{ type: "ext4", source: "/nowhere", target: "", options: [] }];
    await using rootfs = Rootfs.fromMounts(mounts, join(root.directory, "mnt"));

    await expect(rootfs.readText("/etc/passwd")).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("/nowhere"),
    });
  });
});

async function directoryRoot() {
  const directory = await mkdtemp(join(tmpdir(), "root-"));
  return {
    directory,
    rootfs: Rootfs.fromDirectory(directory),
    async write(path: string, text: string): Promise<void> {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    },
    async link(path: string, target: string): Promise<void> {
      await symlink(target, join(directory, path));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await rm(directory, { recursive: true });
    },
  };
}
