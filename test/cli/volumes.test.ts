import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import { busyboxImage } from "../support/images.ts";

const node = nodeOfFile();
const image = "busybox";
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "volumes-"));
});

afterEach(async () => {
  await node.clear();
  await rm(directory, { recursive: true });
  await rm(await volumesDirectory(), { recursive: true, force: true });
});

/** Where this namespace's volumes are. */
async function volumesDirectory(): Promise<string> {
  const [root = ""] = await readdir(node.host.dataRoot).catch(() => []);
  return join(node.host.dataRoot, root, "volumes", node.namespace);
}

async function volumeNames(): Promise<string[]> {
  return await readdir(await volumesDirectory()).catch(() => []);
}

/** An image with something in the directory that will be a volume. */
async function loadWithContent(config: object = {}): Promise<string> {
  const entries = {
    "srv/": {},
    "srv/www/": { uid: 33, gid: 33, mode: 0o750 },
    "srv/www/index": { content: "hello\n", uid: 33, gid: 33, mode: 0o640 },
    www: { symlink: "/srv/www" },
  };
  return await node.load("content", await busyboxImage({ layers: [{ entries }], config }));
}

describe("named volumes", () => {
  it("begin with what the image has there, owners and modes too, and keep what is written", async () => {
    const content = await loadWithContent();
    const list = ["sh", "-c", "stat -c '%u:%g %a' /srv/www /srv/www/index; cat /srv/www/*"];

    expect(await node.succeed("run", "--rm", "-v", "data:/srv/www", content, ...list)).toBe(
      "33:33 750\n33:33 640\nhello",
    );
    await node.succeed(
      "run",
      "--rm",
      "-v",
      "data:/srv/www",
      content,
      "sh",
      "-c",
      "echo more > /srv/www/more; rm /srv/www/index",
    );
    expect(await node.succeed("run", "--rm", "-v", "data:/other", image, "ls", "/other")).toBe("more");
    expect(await node.succeed("run", "--rm", "-v", "data:/srv/www", content, "ls", "/srv/www")).toBe("more");
    expect(await volumeNames()).toEqual(["data"]);
  });

  it("begin with it through a symbolic link of the image", async () => {
    const content = await loadWithContent();

    expect(await node.succeed("run", "--rm", "-v", "data:/www", content, "cat", "/www/index")).toBe("hello");
  });

  it("begin empty with nocopy, in both spellings", async () => {
    const content = await loadWithContent();

    expect(await node.succeed("run", "--rm", "-v", "one:/srv/www:nocopy", content, "ls", "/srv/www")).toBe("");
    const mount = "type=volume,src=two,dst=/srv/www,volume-nocopy";
    expect(await node.succeed("run", "--rm", "--mount", mount, content, "ls", "/srv/www")).toBe("");
  });

  it("can be read-only", async () => {
    const result = await node.cli("run", "--rm", "-v", "data:/data:ro", image, "touch", "/data/x");

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain("Read-only file system");
  });

  it("with a name that docker refuses are refused", async () => {
    const result = await node.cli("run", "--rm", "-v", "a:/data", image, "true");

    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("volume name is too short, names should be at least two alphanumeric characters");
    expect(await node.succeed("ps", "-aq")).toBe("");
  });
});

describe("anonymous volumes", () => {
  it("go with run --rm, and named ones stay", async () => {
    const content = await loadWithContent({ Volumes: { "/srv/www": {} } });

    const output = await node.succeed(
      "run",
      "--rm",
      "-v",
      "/scratch",
      "-v",
      "kept:/kept",
      content,
      "cat",
      "/srv/www/index",
    );

    expect(output).toBe("hello");
    expect(await volumeNames()).toEqual(["kept"]);
  });

  it("go with rm -v, and stay with rm", async () => {
    await node.succeed("run", "--name", "one", "-v", "/data", image, "true");
    await node.succeed("run", "--name", "two", "-v", "/data", image, "true");
    const names = await volumeNames();
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);

    await node.succeed("rm", "one");
    expect(await volumeNames()).toEqual(names);
    await node.succeed("rm", "-v", "two");

    expect(await volumeNames()).toHaveLength(1);
  });

  it("give way to what is mounted there on purpose", async () => {
    const content = await loadWithContent({ Volumes: { "/srv/www": {} } });
    await writeFile(join(directory, "mine"), "");

    expect(await node.succeed("run", "--rm", "-v", `${directory}:/srv/www`, content, "ls", "/srv/www")).toBe("mine");
    expect(await volumeNames()).toEqual([]);
  });

  it("of a container that cannot be made go again", async () => {
    const result = await node.cli("create", "-v", "fresh:/a", "-v", "/b", "-v", "x:/c", image);

    expect(result.exitCode).not.toBe(0);
    expect(await volumeNames()).toEqual([]);
  });
});

describe("bind mounts", () => {
  it("by -v make a missing directory", async () => {
    const source = join(directory, "made/for/you");

    await node.succeed("run", "--rm", "-v", `${source}:/data`, image, "sh", "-c", "echo x > /data/file");

    expect(await readFile(join(source, "file"), "utf8")).toBe("x\n");
    expect(await stat(source)).toMatchObject({ uid: 0, mode: 0o40755 });
  });

  it("by --mount refuse a missing one, and leave nothing", async () => {
    const source = join(directory, "missing");

    const result = await node.cli("run", "--mount", `type=bind,src=${source},dst=/data`, image, "true");

    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
    expect(await readdir(directory)).toEqual([]);
    expect(await node.succeed("ps", "-aq")).toBe("");
  });

  it("may be of a file, read-only, and relative to the working directory", async () => {
    await writeFile(join(directory, "file"), "text");

    expect(await node.succeed("run", "--rm", "-v", `${directory}/file:/file:ro`, image, "cat", "/file")).toBe("text");
    const result = await node.cliWith({ cwd: directory }, "run", "--rm", "-v", "./:/data", image, "ls", "/data");
    expect(result).toEqual({ exitCode: 0, stdout: "file\n", stderr: "" });
    const written = await node.cli(
      "run",
      "--rm",
      "--mount",
      `type=bind,src=${directory},dst=/d,ro`,
      image,
      "touch",
      "/d/x",
    );
    expect(written.stderr).toContain("Read-only file system");
  });

  it("that have gone are made again when the container starts", async () => {
    const source = join(directory, "source");
    await node.succeed("run", "--name", "web", "-v", `${source}:/data`, image, "ls", "/data");
    await rm(source, { recursive: true });

    expect((await node.cli("start", "-a", "web")).exitCode).toBe(0);
    expect(await readdir(directory)).toEqual(["source"]);
  });

  it("at one destination twice are refused", async () => {
    const result = await node.cli("run", "--rm", "-v", `${directory}:/data`, "-v", "other:/data/", image, "true");

    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("duplicate mount point: /data");
    expect(await volumeNames()).toEqual([]);
  });
});

describe("tmpfs", () => {
  it("by --tmpfs has docker's options and the user's", async () => {
    const output = await node.succeed(
      "run",
      "--rm",
      "--tmpfs",
      "/scratch:size=1m,mode=700",
      image,
      "grep",
      " /scratch ",
      "/proc/mounts",
    );

    expect(output).toMatch(/^tmpfs \/scratch tmpfs rw,/);
    for (const option of ["nosuid", "nodev", "noexec", "size=1024k", "mode=700"]) expect(output).toContain(option);
  });

  it("by --mount has its size and mode", async () => {
    const mount = "type=tmpfs,dst=/scratch,tmpfs-size=2m,tmpfs-mode=1770";
    const output = await node.succeed("run", "--rm", "--mount", mount, image, "grep", " /scratch ", "/proc/mounts");

    for (const option of ["size=2048k", "mode=1770"]) expect(output).toContain(option);
  });

  it("can be written to where the root is read-only", async () => {
    const command = "touch /scratch/x && ! touch /y 2> /dev/null && echo fine";

    expect(await node.succeed("run", "--rm", "--read-only", "--tmpfs", "/scratch", image, "sh", "-c", command)).toBe(
      "fine",
    );
  });
});

describe("--volumes-from", () => {
  it("brings another container's volumes and binds, read-only if asked for", async () => {
    await mkdir(join(directory, "bound"));
    const mounts = ["-v", "data:/data", "-v", `${directory}/bound:/bound`, "-v", "/anonymous"];
    await node.succeed("run", "--name", "first", ...mounts, image, "sh", "-c", "touch /data/a /bound/b /anonymous/c");

    expect(
      await node.succeed("run", "--rm", "--volumes-from", "first", image, "ls", "/data", "/bound", "/anonymous"),
    ).toBe("/anonymous:\nc\n\n/bound:\nb\n\n/data:\na");
    const result = await node.cli("run", "--rm", "--volumes-from", "first:ro", image, "touch", "/data/x");
    expect(result.stderr).toContain("Read-only file system");
    // What is another's is not removed with this one.
    expect(await volumeNames()).toHaveLength(2);
  });

  it("of no container is refused", async () => {
    const result = await node.cli("run", "--rm", "--volumes-from", "ghost", image, "true");

    expect(result.exitCode).toBe(125);
    expect(result.stderr.toLowerCase()).toContain("no such container: ghost");
  });
});
