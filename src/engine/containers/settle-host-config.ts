import type { HostConfig } from "../../model/container-config.ts";
import { normalizeCapability } from "../../spec/capabilities.ts";
import type { HostFacts } from "../../spec/host-facts.ts";
import { defaultCgroupnsMode } from "../../spec/namespaces.ts";
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from "../../spec/paths.ts";
import { memoryAndSwap } from "../../spec/resources.ts";
import type { Engine } from "../engine.ts";
import { resolveContainer } from "./resolve.ts";
import { sharedContainerOf } from "./shared-namespaces.ts";
import { networkNameOf } from "./views.ts";

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** Writes docker's defaults where a container's settings say nothing, so that `inspect` shows what it got. */
export function settleHostConfig(hostConfig: HostConfig, host: HostFacts): HostConfig {
  return {
    ...hostConfig,
    NetworkMode: networkNameOf(hostConfig.NetworkMode),
    IpcMode: hostConfig.IpcMode || "private",
    CgroupnsMode: hostConfig.CgroupnsMode || defaultCgroupnsMode(host),
    ShmSize: hostConfig.ShmSize || DEFAULT_SHM_BYTES,
    Runtime: hostConfig.Runtime || "runc",
    LogConfig: { Type: hostConfig.LogConfig.Type || "json-file", Config: hostConfig.LogConfig.Config ?? {} },
    RestartPolicy: { ...hostConfig.RestartPolicy, Name: hostConfig.RestartPolicy.Name || "no" },
    MemorySwap: memoryAndSwap(hostConfig),
    MemorySwappiness: hostConfig.MemorySwappiness === -1 ? null : hostConfig.MemorySwappiness,
    PidsLimit: (hostConfig.PidsLimit ?? 0) > 0 ? hostConfig.PidsLimit : null,
    CapAdd: hostConfig.CapAdd?.map((name) => normalizeCapability(name, "CapAdd")) ?? null,
    CapDrop: hostConfig.CapDrop?.map((name) => normalizeCapability(name, "CapDrop")) ?? null,
    MaskedPaths: hostConfig.Privileged ? null : (hostConfig.MaskedPaths ?? DEFAULT_MASKED_PATHS),
    ReadonlyPaths: hostConfig.Privileged ? null : (hostConfig.ReadonlyPaths ?? DEFAULT_READONLY_PATHS),
    SecurityOpt: securityOptions(hostConfig),
    OomKillDisable: hostConfig.OomKillDisable ?? (host.cgroupVersion === 1 ? false : null),
  };
}

/** docker turns SELinux off, even where there is none, for containers that see the host's processes or memory. */
function securityOptions({ SecurityOpt, Privileged, IpcMode, PidMode }: HostConfig): HostConfig["SecurityOpt"] {
  const isLabelled = SecurityOpt?.some((option) => /^label([=:]|$)/.test(option)) ?? false;
  const isOpen = Privileged || IpcMode === "host" || PidMode === "host";
  return isOpen && !isLabelled ? [...(SecurityOpt ?? []), "label=disable"] : SecurityOpt;
}

/**
 * Replaces the names in modes such as `container:web` by ids, for names can change. A network that is to be joined may
 * come later, as docker has it.
 *
 * @throws EngineError `not-found` for the containers of PID and IPC modes.
 */
export async function resolveSharing(
  engine: Pick<Engine, "containerd">,
  hostConfig: HostConfig,
  context: { readonly signal: AbortSignal },
): Promise<HostConfig> {
  const byId = async (mode: string) => {
    const name = sharedContainerOf(mode);
    return name === undefined ? mode : `container:${(await resolveContainer(engine, name, context)).id}`;
  };
  const { NetworkMode: network, PidMode: pid, IpcMode: ipc } = hostConfig;
  const [NetworkMode, PidMode, IpcMode] = await Promise.all([byId(network).catch(() => network), byId(pid), byId(ipc)]);
  return { ...hostConfig, NetworkMode, PidMode, IpcMode };
}
