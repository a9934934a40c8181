import type { HostConfig } from "../../model/container-config.ts";
import type { DeviceInfo, SpecInput } from "../../spec/spec-input.ts";
import type { Engine } from "../engine.ts";

/** The device nodes that a container gets: those of `--device`, and, privileged, all of the host's. */
export async function findDevices(
  { store }: Pick<Engine, "store">,
  { Privileged, Devices }: HostConfig,
): Promise<DeviceInfo[]> {
  const asked = Devices.map((mapping) => store.readDevices(mapping));
  const found = await Promise.all(Privileged ? [store.readHostDevices(), ...asked] : asked);
  return found.flat();
}

/** Device numbers of the paths that limits on block devices name. */
export async function findBlockDevices(
  { store }: Pick<Engine, "store">,
  hostConfig: HostConfig,
): Promise<SpecInput["blockDevices"]> {
  const paths = [
    hostConfig.BlkioWeightDevice,
    hostConfig.BlkioDeviceReadBps,
    hostConfig.BlkioDeviceWriteBps,
    hostConfig.BlkioDeviceReadIOps,
    hostConfig.BlkioDeviceWriteIOps,
  ].flatMap((devices) => devices.map(({ Path }) => Path));
  const numbers = await Promise.all(
    [...new Set(paths)].map(async (path) => [path, await store.readDeviceNumbers(path)] as const),
  );
  return Object.fromEntries(numbers);
}
