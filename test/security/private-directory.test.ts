import { chmod, chown, lchown, mkdir, mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makePrivateDirectory } from "../../src/store/private-directory.ts";

const STRANGER = 65534;

let shared: string;

beforeEach(async () => {
  shared = await mkdtemp(join(tmpdir(), "wharf-shared-"));
  // What /tmp is: everybody may put something in, and nobody may take away what is not theirs.
  await chmod(shared, 0o1777);
});

afterEach(async () => {
  await rm(shared, { recursive: true, force: true });
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o7777;
}

describe("a directory of wharf's own", () => {
  it.each([0o000, 0o022, 0o077, 0o177])("is made for root alone under the umask %o", async (mask) => {
    const before = process.umask(mask);
    try {
      makePrivateDirectory(join(shared, "above", "own"));
    } finally {
      process.umask(before);
    }
    expect(await modeOf(join(shared, "above/own"))).toBe(0o700);
  });

  it("is closed where it was open", async () => {
    const path = join(shared, "own");
    await mkdir(path);
    await chmod(path, 0o777);

    makePrivateDirectory(path);

    expect(await modeOf(path)).toBe(0o700);
  });

  it("may be a link that root made", async () => {
    await mkdir(join(shared, "disk"), { mode: 0o755 });
    await symlink("disk", join(shared, "own"));

    makePrivateDirectory(join(shared, "own"));

    expect(await modeOf(join(shared, "disk"))).toBe(0o700);
  });

  it("is refused where a stranger was first", async () => {
    const path = join(shared, "own");
    await mkdir(path);
    await chown(path, STRANGER, STRANGER);

    expect(() => makePrivateDirectory(path)).toThrow(`${path} belongs to the user ${STRANGER}`);
    expect(() => makePrivateDirectory(join(path, "below"))).toThrow(`${path} belongs to the user ${STRANGER}`);
    expect((await stat(path)).uid).toBe(STRANGER);
  });

  it("is refused behind a link that a stranger has planted", async () => {
    const planted = join(shared, "own");
    await mkdir(join(shared, "victim"), { mode: 0o755 });
    await symlink(join(shared, "victim"), planted);
    await lchown(planted, STRANGER, STRANGER);

    expect(() => makePrivateDirectory(planted)).toThrow(`${planted} belongs to the user ${STRANGER}`);
    expect(() => makePrivateDirectory(join(planted, "below"))).toThrow(`${planted} belongs to the user ${STRANGER}`);
    expect(await modeOf(join(shared, "victim"))).toBe(0o755);
  });

  it("is refused where everybody could exchange it", async () => {
    await chmod(shared, 0o777);

    expect(() => makePrivateDirectory(join(shared, "own"))).toThrow(`${shared} can be written by other users`);
  });

  it("is refused behind links that lead in a circle, and where there is a file", async () => {
    await symlink("two", join(shared, "one"));
    await symlink("one", join(shared, "two"));

    expect(() => makePrivateDirectory(join(shared, "one"))).toThrow(/ELOOP|too many levels/);
    expect(() => makePrivateDirectory("/dev/null")).toThrow("is no directory");
  });
});
