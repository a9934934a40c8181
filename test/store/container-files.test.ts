import { appendFile, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ContainerFiles, type ContainerFilesRequest } from "../../src/store/container-files.ts";

const REQUEST: ContainerFilesRequest = {
  hostname: "web",
  ownNetwork: true,
  dns: { servers: ["192.0.2.53"], search: ["example.org"], options: ["ndots:2"] },
  hosts: [
    { address: "203.0.113.9", names: ["db"] },
    { address: "10.4.0.2", names: ["web.example.org", "web"] },
  ],
};

async function freshFiles() {
  const directory = await mkdtemp(join(tmpdir(), "files-"));
  return {
    files: new ContainerFiles({ dataRoot: directory, runRoot: directory }, "default"),
    async [Symbol.asyncDispose](): Promise<void> {
      await rm(directory, { recursive: true });
    },
  };
}

describe("a container's files", () => {
  it("hold its name, its addresses and its nameservers", async () => {
    await using test = await freshFiles();

    const paths = await test.files.prepare("c1", REQUEST);

    expect(paths).toEqual(test.files.paths("c1"));
    expect(await readFile(paths.hostname, "utf8")).toBe("web\n");
    const hosts = await readFile(paths.hosts, "utf8");
    expect(hosts).toContain("127.0.0.1\tlocalhost\n");
    expect(hosts).toContain("203.0.113.9\tdb\n");
    expect(hosts).toContain("10.4.0.2\tweb.example.org web\n");
    expect((await readFile(paths.resolvConf, "utf8")).split("\n").slice(1)).toEqual([
      "nameserver 192.0.2.53",
      "search example.org",
      "options ndots:2",
      "",
    ]);
    expect((await stat(paths.hosts)).mode & 0o777).toBe(0o644);
  });

  it("change in place, and keep what was edited from within", async () => {
    await using test = await freshFiles();
    const paths = await test.files.prepare("c1", REQUEST);
    const inodes = await inodesOf(paths);
    await using held = await open(paths.hosts);
    await appendFile(paths.hosts, "198.51.100.1\tmine\n");
    await writeFile(paths.resolvConf, "nameserver 198.51.100.53\n");

    await test.files.prepare("c1", { ...REQUEST, hosts: [{ address: "10.4.0.7", names: ["web"] }] });

    expect(await inodesOf(paths)).toEqual(inodes);
    const hosts = await held.readFile("utf8");
    expect(hosts).toContain("10.4.0.7\tweb\n");
    expect(hosts).toContain("198.51.100.1\tmine\n");
    expect(hosts).not.toContain("10.4.0.2");
    expect(await readFile(paths.resolvConf, "utf8")).toBe("nameserver 198.51.100.53\n");
  });

  it("follow the container's settings when nobody edited them", async () => {
    await using test = await freshFiles();
    await test.files.prepare("c1", REQUEST);

    const paths = await test.files.prepare("c1", {
      ...REQUEST,
      dns: { servers: ["192.0.2.54"], search: ["."], options: [] },
    });

    const resolvConf = await readFile(paths.resolvConf, "utf8");
    expect(resolvConf).toContain("nameserver 192.0.2.54\n");
    expect(resolvConf).not.toContain("search");
  });

  it("are the host's for a container in the host's network", async () => {
    await using test = await freshFiles();

    const paths = await test.files.prepare("c1", { ...REQUEST, ownNetwork: false });

    const hosts = await readFile(paths.hosts, "utf8");
    expect(hosts.startsWith(await readFile("/etc/hosts", "utf8"))).toBe(true);
    expect(hosts).toContain("203.0.113.9\tdb\n");
  });

  it("go with their directory", async () => {
    await using test = await freshFiles();
    const { hosts } = await test.files.prepare("c1", REQUEST);

    await test.files.remove("c1");
    await test.files.remove("c1");

    await expect(stat(hosts)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

async function inodesOf(paths: object): Promise<number[]> {
  return await Promise.all(Object.values(paths).map(async (path: string) => (await stat(path)).ino));
}
