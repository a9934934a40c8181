import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileLock } from "../../src/store/file-lock.ts";
import { waitUntil } from "../support/wait-until.ts";

let directory: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lock-"));
  path = join(directory, "private", "lock");
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

/** Starts a process that goes on until it is killed, once it has said that it runs. */
async function startProcess(script: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", `${script}echo runs; exec sleep 1000`], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

describe("the lock of a file", () => {
  it("has one holder, and is another's once it is released", async () => {
    const first = await FileLock.acquire(path);

    expect(await FileLock.acquire(path)).toBeUndefined();

    first?.release();
    const second = await FileLock.acquire(path);
    expect(second).toBeDefined();
    second?.release();
  });

  it("comes to who waits for it", async () => {
    const first = await FileLock.acquire(path);
    const waiting = FileLock.acquire(path, 60);
    first?.release();

    const second = await waiting;

    expect(second).toBeDefined();
    second?.release();
  });

  it("is free again when the process that had it was killed", async () => {
    (await FileLock.acquire(path))?.release();
    const holder = await startProcess(`exec 3>>${path}; flock 3; `);
    expect(await FileLock.acquire(path)).toBeUndefined();

    holder.kill("SIGKILL");

    const lock = await waitUntil("the lock is free", () => FileLock.acquire(path));
    lock.release();
  });

  it("does not live on in programs that were started while it was held", async () => {
    const lock = await FileLock.acquire(path);
    await startProcess("");

    lock?.release();

    const again = await FileLock.acquire(path);
    expect(again).toBeDefined();
    again?.release();
  });

  it("is nobody else's to take: its directory is root's alone, and one that others can exchange is refused", async () => {
    (await FileLock.acquire(path))?.release();
    expect((await stat(join(directory, "private"))).mode & 0o777).toBe(0o700);

    await chmod(directory, 0o777);

    await expect(FileLock.acquire(path)).rejects.toMatchObject({ code: "permission-denied" });
  });
});
