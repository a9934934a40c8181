import { mkdir } from "node:fs/promises";
import { runProgram } from "./program.ts";

/** Mounts a file system of memory that holds so much, as mount(8) writes it. */
export async function mountMemory(path: string, size: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await runProgram("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]);
}

/** Mounts a disk of its own, which may be frozen: a file beside `path`, with a file system on it. */
export async function mountDisk(path: string, size: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const image = `${path}.image`;
  await runProgram("truncate", ["-s", size, image]);
  await runProgram("mke2fs", ["-q", "-t", "ext4", image]);
  await runProgram("mount", ["-o", "loop", image, path]);
}

/** Does something while whoever writes to the disk below `path` waits, as for a disk that hangs. */
export async function whileFrozen<T>(path: string, act: () => Promise<T>): Promise<T> {
  await runProgram("fsfreeze", ["--freeze", path]);
  try {
    return await act();
  } finally {
    await runProgram("fsfreeze", ["--unfreeze", path]);
  }
}
