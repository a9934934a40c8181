import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeOfFile } from "../support/file-node.ts";
import type { LayerEntry } from "../support/images.ts";
import { busyboxImage } from "../support/images.ts";

const node = nodeOfFile();
/** A directory of the host that no container has been given. */
let secret: string;

beforeAll(async () => {
  secret = await mkdtemp(join(tmpdir(), "wharf-secret-"));
  await writeFile(join(secret, "passwd"), "intruder:x:4242:4242::/:/bin/sh\n");
  await writeFile(join(secret, "hosts"), "untouched\n");
});

afterAll(async () => {
  await rm(secret, { recursive: true });
});

let images = 0;

/** Loads a busybox with a layer upon it, and returns its name. */
async function imageWith(entries: Readonly<Record<string, LayerEntry>>, config = {}): Promise<string> {
  images += 1;
  return await node.load(`crafted:${images}`, await busyboxImage({ layers: [{ entries }], config }));
}

const RUN = ["run", "--rm", "--network", "none"];

describe("a container's users", () => {
  it("are not the host's, where the image's passwd is a link out of it", async () => {
    const image = await imageWith({ "etc/passwd": { symlink: join(secret, "passwd") } });
    const up = await imageWith({ "etc/passwd": { symlink: `../../../../../..${secret}/passwd` } });

    for (const name of [image, up]) {
      const result = await node.cli(...RUN, "-u", "intruder", name, "id");
      expect(result).toMatchObject({ exitCode: 125, stdout: "" });
      expect(result.stderr).toContain("unable to find user intruder");
    }
  });

  it("are not waited for, where passwd is a FIFO or without end", async () => {
    const fifo = await imageWith({ "etc/passwd": { special: "fifo" } });
    const large = await imageWith({ "etc/passwd": Buffer.alloc(17 << 20, "x") });

    expect((await node.cli(...RUN, "-u", "nobody", fifo, "id")).stderr).toContain("unable to find user nobody");
    expect((await node.cli(...RUN, "-u", "nobody", large, "id")).stderr).toContain("/etc/passwd is too large");
  });
});

describe("an image's symbolic links", () => {
  it("lead a volume's copy-up to nothing of the host", async () => {
    const image = await imageWith({
      "etc/only-here": "of the image\n",
      v: { symlink: "/etc" },
      w: { symlink: secret },
      x: { symlink: `../../../../../../../..${secret}` },
    });

    const listed = await node.succeed(...RUN, "-v", `copied-${node.namespace}:/v`, image, "ls", "/v");
    const others = ["-v", `none-${node.namespace}:/w`, "-v", `none2-${node.namespace}:/x`];
    const rest = await node.succeed(...RUN, ...others, image, "ls", "/w/", "/x/");

    expect(listed.split("\n")).toContain("only-here");
    expect(rest).not.toContain("hosts");
    expect((await readdir(secret)).sort()).toEqual(["hosts", "passwd"]);
  });

  it("lead no mount and no file of wharf's out of the container", async () => {
    const image = await imageWith({
      "etc/hosts": { symlink: join(secret, "hosts") },
      "etc/resolv.conf": { symlink: `../../../../../../..${secret}/resolv.conf` },
      out: { symlink: secret },
    });

    const mounts = ["-v", `${secret}/hosts:/out/bound`, "--tmpfs", "/out/tmp", "-w", "/out/work/dir"];
    const result = await node.cli("run", "--rm", ...mounts, image, "sh", "-c", "pwd; cat /etc/hosts; cat /out/bound");

    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(result.stdout).toContain("localhost");
    expect(result.stdout).toMatch(/untouched\n$/);
    expect((await readdir(secret)).sort()).toEqual(["hosts", "passwd"]);
    expect(await readFile(join(secret, "hosts"), "utf8")).toBe("untouched\n");
  });
});

describe("a working directory", () => {
  it.each(["/proc/self/fd/7", "/proc/./self//fd/8", "/proc/thread-self/fd/9/..", "/proc/1/cwd", "/proc/self/root/tmp"])(
    "is not %s, which would be one of the runtime's own, on the host",
    async (path) => {
      const result = await node.cli(...RUN, "-w", path, "busybox", "pwd");
      expect(result.exitCode).toBe(125);
      expect(result.stderr).toContain("the working directory");
    },
  );

  it("of an image's or of exec's is held to the same", async () => {
    const image = await imageWith({}, { WorkingDir: "/proc/self/fd/7" });
    expect((await node.cli(...RUN, image, "pwd")).exitCode).toBe(125);
    await node.succeed("run", "-d", "--network", "none", "--name", "inside", "busybox", "sleep", "1000");
    expect((await node.cli("exec", "-w", "/proc/self/fd/7", "inside", "pwd")).stderr).toContain(
      "the working directory",
    );
    await node.succeed("rm", "-f", "inside");
  });
});

describe("names", () => {
  it.each(["../up", "a/b", "a\nb", "-a", ".", "a b", "ä", "a$(id)", "a;b"])("a container's is not %j", async (name) => {
    const result = await node.cli("create", "--name", name, "busybox");
    expect(result).toMatchObject({ stdout: "" });
    expect(result.stderr).toMatch(/invalid container name|invalid argument|container name/i);
  });

  it.each(["a\nb", "-a", "_a", "a b", "äö", "a$(id)"])("a volume's is not %j", async (name) => {
    const result = await node.cli("create", `--volume=${name}:/v`, "busybox");
    expect(result).toMatchObject({ exitCode: 1, stdout: "" });
    expect(result.stderr).toContain("invalid characters for a local volume name");
  });

  it.each(["../../../../tmp/out", "a/b", ".", "", "a\u0001"])(
    "a namespace of the API's is not %j",
    async (namespace) => {
      const env = { CONTAINERD_NAMESPACE: namespace === "" ? "-" : namespace };
      const result = await node.cliWith({ env }, "run", "busybox", "true");
      expect(result.exitCode).toBe(125);
      expect(result.stderr).toContain("namespace");
    },
  );
});

describe("files that flags name", () => {
  it("an ID file replaces nothing, follows no link and is no directory", async () => {
    const directory = await mkdtemp(join(tmpdir(), "wharf-cid-"));
    const at = (name: string) => join(directory, name);
    await writeFile(at("there"), "mine");
    await symlink(at("victim"), at("link"));
    await mkdir(at("directory"));

    for (const name of ["there", "link", "directory", "absent/id"]) {
      const result = await node.cli("create", "--cidfile", at(name), "busybox");
      expect(result).toMatchObject({ exitCode: 1, stdout: "" });
      expect(result.stderr).toContain("container ID file");
    }
    expect(await readFile(at("there"), "utf8")).toBe("mine");
    expect((await readdir(directory)).sort()).toEqual(["directory", "link", "there"]);
    expect(await node.client.containers.list()).toEqual([]);
    await rm(directory, { recursive: true });
  });

  it.each(["--env-file", "--label-file"])("%s has an end", async (flag) => {
    const endless = await node.cli("create", flag, "/dev/zero", "busybox");
    expect(endless).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("/dev/zero is larger than") });
    expect(await node.cli("create", flag, "/etc", "busybox")).toMatchObject({ exitCode: 125, stdout: "" });
  });
});
