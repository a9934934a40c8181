import type { Settings } from "../model/settings.ts";

const CARRIED = ["CONTAINERD_NAMESPACE", "CONTAINERD_SNAPSHOTTER", "WHARF_DATA_ROOT", "WHARF_RUN_ROOT", "CNI_PATH"];

/** The environment in which a command at boot comes to the settings that this one has. */
export function bootEnvironment({ address }: Settings, env: NodeJS.ProcessEnv): Record<string, string> {
  const carried = CARRIED.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return { CONTAINERD_ADDRESS: address, ...Object.fromEntries(carried) };
}
