import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseNamespaceName } from "../model/namespace-name.ts";
import type { RegistrySettings, Settings } from "../model/settings.ts";
import { type StandaloneLayout, standaloneLayout } from "../model/standalone-layout.ts";

/** The global flags as parsed; an absent one leaves the choice to the environment. */
export type GlobalFlags = {
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  readonly snapshotter?: string | undefined;
  readonly debug?: boolean | undefined;
  readonly "insecure-registry"?: boolean | undefined;
  readonly "hosts-dir"?: readonly string[] | undefined;
};

const DEFAULT_ADDRESS = "/run/containerd/containerd.sock";
const DEFAULT_CNI_PATH = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";

/**
 * Decides the settings of one invocation: flags first, then the environment names that containerd's and docker's
 * clients know, then the defaults. Every containerd but the host's own gets a folder of its own under both roots, so
 * that two of them never share a name, a port or a log.
 *
 * @throws EngineError `invalid-argument` for a namespace that cannot be one.
 */
export function resolveSettings(flags: GlobalFlags, env: NodeJS.ProcessEnv): Settings {
  const address = stripScheme(flags.address || env.CONTAINERD_ADDRESS || presentAddress(env));
  const roots = baseRoots(env);
  const root = (base: string) => (address === DEFAULT_ADDRESS ? base : join(base, addressKey(address)));
  return {
    address,
    namespace: parseNamespaceName(flags.namespace || env.CONTAINERD_NAMESPACE || "default"),
    snapshotter: flags.snapshotter || env.CONTAINERD_SNAPSHOTTER || "overlayfs",
    dataRoot: root(roots.dataRoot),
    runRoot: root(roots.runRoot),
    cniPath: (env.CNI_PATH || DEFAULT_CNI_PATH).split(":").filter((directory) => directory !== ""),
    registries: registrySettings(flags, env),
    debug: flags.debug ?? false,
  };
}

function registrySettings(flags: GlobalFlags, env: NodeJS.ProcessEnv): RegistrySettings {
  const directories = flags["hosts-dir"] ?? split(env.WHARF_HOSTS_DIR, ":");
  return {
    insecure: flags["insecure-registry"] ? ["*"] : split(env.WHARF_INSECURE_REGISTRIES, ","),
    hostsDirectories: directories.length > 0 ? directories : undefined,
  };
}

function split(text: string | undefined, separator: string): string[] {
  const parts = (text ?? "").split(separator).map((part) => part.trim());
  return parts.filter((part) => part !== "");
}

/** Where `system install --standalone` keeps a containerd of wharf's own. */
export function standaloneLayoutOf(env: NodeJS.ProcessEnv): StandaloneLayout {
  return standaloneLayout(baseRoots(env));
}

/** The host's own containerd; wharf's standalone one where that is the only one there is. */
function presentAddress(env: NodeJS.ProcessEnv): string {
  if (existsSync(DEFAULT_ADDRESS)) return DEFAULT_ADDRESS;
  const { socket } = standaloneLayoutOf(env);
  return existsSync(socket) ? socket : DEFAULT_ADDRESS;
}

function baseRoots(env: NodeJS.ProcessEnv): { dataRoot: string; runRoot: string } {
  return { dataRoot: env.WHARF_DATA_ROOT || "/var/lib/wharf", runRoot: env.WHARF_RUN_ROOT || "/run/wharf" };
}

function stripScheme(address: string): string {
  return address.startsWith("unix://") ? address.slice("unix://".length) : address;
}

/** FNV-1a in hex: it only has to tell sockets apart, and node:crypto takes as long to load as all else together. */
function addressKey(address: string): string {
  const hash = Buffer.from(address).reduce((value, byte) => Math.imul(value ^ byte, 0x01000193), 0x811c9dc5);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
