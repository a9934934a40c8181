import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import type { DeviceMapping, HostConfig } from "../../model/container-config.ts";
import type { DeviceInfo } from "../../spec/spec-input.ts";

/** What a privileged container's /dev has from elsewhere: mounts of its own, terminals, and the host's console. */
const NOT_SHARED = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console", "ptmx"]);

/**
 * The device nodes that a container gets: those of `--device`, directories walked, or, privileged, all of the host's.
 *
 * @throws EngineError `invalid-argument` for a `--device` that does not exist or is none.
 */
export async function findDevices({ Privileged, Devices }: HostConfig): Promise<DeviceInfo[]> {
  const all = Privileged ? await walk("/dev", { at: "/dev", permissions: "rwm" }) : [];
  const asked = await Promise.all(Devices.map(findMapping));
  return [...all, ...asked.flat()];
}

async function findMapping({ PathOnHost, PathInContainer, CgroupPermissions }: DeviceMapping): Promise<DeviceInfo[]> {
  const target = { at: PathInContainer || PathOnHost, permissions: CgroupPermissions || "rwm" };
  const refuse = (reason: string) =>
    new EngineError(
      "invalid-argument",
      `error gathering device information while adding custom device "${PathOnHost}": ${reason}`,
    );
  const found = await stat(PathOnHost).catch(() => undefined);
  if (found === undefined) throw refuse("no such file or directory");
  if (found.isDirectory()) return await walk(PathOnHost, target);
  const device = await describe(PathOnHost, target);
  if (device === undefined) throw refuse("not a device node");
  return [device];
}

interface DeviceTarget {
  /** Path in the container. */
  readonly at: string;
  readonly permissions: string;
}

async function walk(directory: string, { at, permissions }: DeviceTarget): Promise<DeviceInfo[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter((entry) => directory !== "/dev" || !NOT_SHARED.has(entry.name))
      .map(async (entry) => {
        const path = join(directory, entry.name);
        const target = { at: join(at, entry.name), permissions };
        if (entry.isDirectory()) return await walk(path, target);
        const device = await describe(path, target);
        return device === undefined ? [] : [device];
      }),
  );
  return found.flat();
}

/** Undefined for what is no device, or went away. Links are followed only where a user names one. */
async function describe(path: string, { at, permissions }: DeviceTarget): Promise<DeviceInfo | undefined> {
  const stats = await (at === path ? lstat(path) : stat(path)).catch(() => undefined);
  if (stats === undefined || !(stats.isCharacterDevice() || stats.isBlockDevice())) return undefined;
  return {
    path: at,
    type: stats.isBlockDevice() ? "b" : "c",
    ...deviceNumbers(stats.rdev),
    fileMode: stats.mode & 0o777,
    uid: stats.uid,
    gid: stats.gid,
    permissions,
  };
}

/** Device numbers of the paths that limits on block devices name. */
export async function findBlockDevices(
  hostConfig: HostConfig,
): Promise<Record<string, { readonly major: number; readonly minor: number }>> {
  const paths = [
    hostConfig.BlkioWeightDevice,
    hostConfig.BlkioDeviceReadBps,
    hostConfig.BlkioDeviceWriteBps,
    hostConfig.BlkioDeviceReadIOps,
    hostConfig.BlkioDeviceWriteIOps,
  ].flatMap((devices) => devices.map(({ Path }) => Path));
  const numbers = await Promise.all(
    [...new Set(paths)].map(async (path) => {
      const stats = await stat(path).catch(() => undefined);
      if (stats === undefined) throw new EngineError("invalid-argument", `${path}: no such file or directory`);
      return [path, deviceNumbers(stats.rdev)] as const;
    }),
  );
  return Object.fromEntries(numbers);
}

/** Splits a device number as the kernel's new encoding has it: makedev(3). */
function deviceNumbers(device: number): { readonly major: number; readonly minor: number } {
  const high = Math.floor(device / 2 ** 32);
  const low = device >>> 0;
  return { major: (high & ~0xfff) | ((low >>> 8) & 0xfff), minor: ((low >>> 12) & ~0xff) | (low & 0xff) };
}
