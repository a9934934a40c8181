import { EngineError } from "../errors.ts";
import type { CapabilitySets } from "./runtime-spec.ts";

/** What a container may do that asks for nothing: docker's fourteen. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** All capabilities of Linux 6, in the kernel's order: a name's index is its bit in /proc/<pid>/status. */
export const ALL_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
];

export interface CapabilityRequest {
  readonly privileged: boolean;
  /** `--cap-add` and `--cap-drop`, as written: `net_admin`, `CAP_NET_ADMIN`, `ALL`. */
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/**
 * The capabilities of a container, in docker's order: the defaults, less what is dropped, and what is added behind.
 *
 * @param bounding what the host's own process has, and can therefore hand on: all that `--privileged` and `ALL` mean.
 * @throws EngineError `invalid-argument` for a name that Linux does not know.
 */
export function containerCapabilities(request: CapabilityRequest, bounding: readonly string[]): readonly string[] {
  const add = request.add.map((name) => normalizeCapability(name, "CapAdd"));
  const drop = request.drop.map((name) => normalizeCapability(name, "CapDrop"));
  if (request.privileged) return bounding;
  if (add.includes("ALL")) return bounding.filter((name) => !drop.includes(name));
  const kept = drop.includes("ALL") ? [] : DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name));
  return [...new Set([...kept, ...add])];
}

/**
 * The sets of a process. The runtime takes effective and permitted ones from a process that is not root on exec, as the
 * kernel does; nothing is inheritable.
 */
export function capabilitySets(capabilities: readonly string[]): CapabilitySets {
  if (capabilities.length === 0) return {};
  return { bounding: capabilities, effective: capabilities, permitted: capabilities };
}

/**
 * A capability's name as Linux spells it, or `ALL`.
 *
 * @param field where it was written, for the complaint.
 * @throws EngineError `invalid-argument` for a name that Linux does not know.
 */
export function normalizeCapability(text: string, field: "CapAdd" | "CapDrop"): string {
  const upper = text.toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (ALL_CAPABILITIES.includes(name)) return name;
  throw new EngineError("invalid-argument", `invalid ${field}: unknown capability: ${JSON.stringify(name)}`);
}
