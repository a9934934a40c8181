import { execFile } from "node:child_process";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { Store } from "../../src/store/store.ts";
import { ANONYMOUS_LABEL } from "../../src/store/volumes.ts";

const run = promisify(execFile);

async function freshStore() {
  const directory = await mkdtemp(join(tmpdir(), "store-"));
  return {
    directory,
    store: new Store({ dataRoot: join(directory, "data"), runRoot: join(directory, "run"), namespace: "default" }),
    async [Symbol.asyncDispose](): Promise<void> {
      await rm(directory, { recursive: true });
    },
  };
}

describe("volumes", () => {
  it("are made once, with their labels, and found again", async () => {
    await using test = await freshStore();
    const { volumes } = test.store;

    const { volume, created } = await volumes.create("data", { role: "db" });

    expect(created).toBe(true);
    expect(volume).toEqual({
      name: "data",
      mountpoint: join(test.directory, "data/volumes/default/data/_data"),
      labels: { role: "db" },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect(await volumes.create("data", { role: "web" })).toEqual({ volume, created: false });
    expect(await volumes.get("data")).toEqual(volume);
    expect(await volumes.list()).toEqual([volume]);
    expect((await stat(volume.mountpoint)).mode & 0o7777).toBe(0o755);
    expect((await stat(join(test.directory, "data/volumes/default"))).mode & 0o7777).toBe(0o700);
  });

  it("get 64 hex digits and docker's label when nobody names them", async () => {
    await using test = await freshStore();

    const { volume } = await test.store.volumes.create(undefined, { a: "b" });

    expect(volume.name).toMatch(/^[0-9a-f]{64}$/);
    expect(volume.labels).toEqual({ a: "b", [ANONYMOUS_LABEL]: "" });
  });

  it("are one when several ask for the same name at once", async () => {
    await using test = await freshStore();

    const made = await Promise.all(Array.from({ length: 20 }, () => test.store.volumes.create("shared")));

    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(await readdir(join(test.directory, "data/volumes/default"))).toEqual(["shared"]);
  });

  it("of one namespace are none of another's", async () => {
    await using test = await freshStore();
    await test.store.volumes.create("data");

    expect(await test.store.withNamespace("other").volumes.list()).toEqual([]);
  });

  it("go with their data", async () => {
    await using test = await freshStore();
    const { volume } = await test.store.volumes.create("data");
    await writeFile(join(volume.mountpoint, "file"), "x");

    await test.store.volumes.remove("data");

    expect(await readdir(join(test.directory, "data/volumes/default"))).toEqual([]);
    const absent = { code: "not-found", message: "get data: no such volume" };
    await expect(test.store.volumes.get("data")).rejects.toMatchObject(absent);
    await expect(test.store.volumes.remove("data")).rejects.toMatchObject(absent);
    await expect(test.store.volumes.get("../data")).rejects.toMatchObject({ code: "not-found" });
  });

  it("live on without the file about them", async () => {
    await using test = await freshStore();
    const { volume } = await test.store.volumes.create("data", { a: "b" });
    await writeFile(join(volume.mountpoint, "../volume.json"), "{");

    expect(await test.store.volumes.get("data")).toMatchObject({ name: "data", labels: {} });
  });

  it.each([
    ["x", "create x: volume name is too short, names should be at least two alphanumeric characters"],
    [
      "a/b",
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are ' +
        "allowed. If you intended to pass a host directory, use absolute path",
    ],
  ])("refuse the name %s", async (name, message) => {
    await using test = await freshStore();

    await expect(test.store.volumes.create(name)).rejects.toMatchObject({ code: "invalid-argument", message });
  });
});

describe("filling a volume", () => {
  async function image(directory: string) {
    const root = join(directory, "image");
    await mkdir(join(root, "srv/www/sub"), { recursive: true });
    await writeFile(join(root, "srv/www/index"), "hello");
    await run("chown", ["-R", "33:44", join(root, "srv/www")]);
    await run("chmod", ["2750", join(root, "srv/www")]);
    await run("chmod", ["4711", join(root, "srv/www/index")]);
    await run("ln", ["-s", "/etc/passwd", join(root, "srv/www/link")]);
    await run("ln", ["-s", "/srv/www", join(root, "www")]);
    return [{ type: "bind", source: root, target: "", options: ["rbind", "rw"] }];
  }

  it("copies the image's files with owners and modes, and those of the directory itself", async () => {
    await using test = await freshStore();
    const { volume } = await test.store.volumes.create("data");

    await test.store.fillVolume(volume, await image(test.directory), "/srv/www");

    const inside = (name: string) => lstat(join(volume.mountpoint, name));
    expect((await readdir(volume.mountpoint)).sort()).toEqual(["index", "link", "sub"]);
    expect(await readFile(join(volume.mountpoint, "index"), "utf8")).toBe("hello");
    expect(await inside("index")).toMatchObject({ uid: 33, gid: 44, mode: 0o104711 });
    expect(await inside("")).toMatchObject({ uid: 33, gid: 44, mode: 0o42750 });
    expect((await inside("link")).isSymbolicLink()).toBe(true);
  });

  it("keeps extended attributes", async () => {
    await using test = await freshStore();
    const mounts = await image(test.directory);
    await run("setcap", ["cap_net_raw+ep", join(test.directory, "image/srv/www/index")]);
    const { volume } = await test.store.volumes.create("data");

    await test.store.fillVolume(volume, mounts, "/srv/www");

    const { stdout } = await run("getcap", [join(volume.mountpoint, "index")]);
    expect(stdout).toContain("cap_net_raw=ep");
  });

  it("follows the image's symbolic links inside the image", async () => {
    await using test = await freshStore();
    const { volume } = await test.store.volumes.create("data");

    await test.store.fillVolume(volume, await image(test.directory), "/www");

    expect((await readdir(volume.mountpoint)).sort()).toEqual(["index", "link", "sub"]);
  });

  it("leaves a volume alone that holds something, and one for a path that is no directory of the image", async () => {
    await using test = await freshStore();
    const mounts = await image(test.directory);
    const { volume: used } = await test.store.volumes.create("used");
    await writeFile(join(used.mountpoint, "mine"), "x");
    const { volume: fresh } = await test.store.volumes.create("fresh");

    await test.store.fillVolume(used, mounts, "/srv/www");
    await test.store.fillVolume(fresh, mounts, "/nowhere");
    await test.store.fillVolume(fresh, mounts, "/srv/www/index");

    expect(await readdir(used.mountpoint)).toEqual(["mine"]);
    expect(await readdir(fresh.mountpoint)).toEqual([]);
    expect(await stat(fresh.mountpoint)).toMatchObject({ uid: 0, gid: 0 });
  });
});
