import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, type ErrorCode } from "../errors.ts";
import type { DeviceMapping } from "../model/container-config.ts";
import type { DeviceInfo } from "../spec/spec-input.ts";

/** Entries of /dev that every container has of its own, or that are no devices. */
const NOT_OF_THE_HOST = new Set(["pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"]);

const TYPE_MASK = 0o170000;
const CHARACTER_DEVICE = 0o020000;
const BLOCK_DEVICE = 0o060000;
const PERMISSION_MASK = 0o777;

/**
 * Looks up a `--device`. A directory stands for all devices below it.
 *
 * @throws EngineError `command-not-found` for a path that is not there, which docker counts as a command that is
 * missing, with its exit code; `invalid-argument` for one that has no device.
 */
export async function readDevices({
  PathOnHost,
  PathInContainer,
  CgroupPermissions,
}: DeviceMapping): Promise<DeviceInfo[]> {
  const refuse = (reason: string, code: ErrorCode = "invalid-argument", cause?: unknown): EngineError =>
    new EngineError(code, `error gathering device information while adding custom device "${PathOnHost}": ${reason}`, {
      cause,
    });
  // A link to a device, as /dev/disk/by-id has them, is followed; the container sees the name that was asked for.
  const path = await realpath(PathOnHost).catch((error: unknown) => {
    throw refuse("no such file or directory", "command-not-found", error);
  });
  const permissions = CgroupPermissions || "rwm";
  const device = await readDevice(path, PathInContainer, permissions);
  if (device !== undefined) return [device];
  if (!(await stat(path)).isDirectory()) throw refuse("not a device node");
  const devices = await walkDevices(path, PathInContainer, permissions);
  if (devices.length === 0) throw refuse("not a device node");
  return devices;
}

/** All devices of the host, for a privileged container. */
export async function readHostDevices(): Promise<DeviceInfo[]> {
  return await walkDevices("/dev", "/dev", "rwm");
}

/** Device numbers of a block device or any other node. @throws EngineError `invalid-argument`. */
export async function readDeviceNumbers(path: string): Promise<{ readonly major: number; readonly minor: number }> {
  const device = await readDevice(path, path, "");
  if (device === undefined) throw new EngineError("invalid-argument", `${path} is not a device`);
  return { major: device.major, minor: device.minor };
}

async function walkDevices(directory: string, inContainer: string, permissions: string): Promise<DeviceInfo[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter((entry) => !NOT_OF_THE_HOST.has(entry.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (entry) => {
        const path = join(directory, entry.name);
        const target = join(inContainer, entry.name);
        if (entry.isDirectory()) return await walkDevices(path, target, permissions);
        if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
        const device = await readDevice(path, target, permissions);
        return device === undefined ? [] : [device];
      }),
  );
  return found.flat();
}

/** `undefined` for a path that is no device, or has just gone. */
async function readDevice(path: string, inContainer: string, permissions: string): Promise<DeviceInfo | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const type = found.mode & TYPE_MASK;
  if (type !== CHARACTER_DEVICE && type !== BLOCK_DEVICE) return undefined;
  return {
    path: inContainer,
    type: type === BLOCK_DEVICE ? "b" : "c",
    ...deviceNumbers(found.rdev),
    fileMode: found.mode & PERMISSION_MASK,
    uid: found.uid,
    gid: found.gid,
    permissions,
  };
}

/** Takes a `dev_t` apart as the C library does: each number is in two pieces. */
function deviceNumbers(device: number): { readonly major: number; readonly minor: number } {
  const bits = BigInt(device);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}
