import type { ContainerConfig, EndpointSettings, HostConfig } from "./container-config.ts";

/**
 * What wharf keeps with a containerd container. containerd is the database: the record and the state are JSON in two
 * of the container's extensions (a label holds 4096 bytes at most, an extension any number); the name, and what
 * nerdctl reads, are labels.
 */
export const RECORD_EXTENSION = "wharf.record";
export const STATE_EXTENSION = "wharf.state";

/** On a snapshot: the id of the container that it was made for, to tell wharf's from other clients'. */
export const SNAPSHOT_CONTAINER_LABEL = "wharf/container";

/** Labels written for nerdctl, and read from containers that nerdctl made. */
export const NAME_LABEL = "nerdctl/name";
export const NAMESPACE_LABEL = "nerdctl/namespace";
export const HOSTNAME_LABEL = "nerdctl/hostname";
export const NETWORKS_LABEL = "nerdctl/networks";
export const PLATFORM_LABEL = "nerdctl/platform";
export const STATE_DIR_LABEL = "nerdctl/state-dir";

/** A mount as it was decided at creation: names looked up, directories made, defaults filled in. */
export interface ResolvedMount {
  readonly type: "bind" | "volume" | "tmpfs";
  /** The volume's name, for a volume. */
  readonly name?: string;
  /** Host path; `""` for a tmpfs. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** docker's mode string: `ro`, `z`, `""`. */
  readonly mode: string;
  readonly propagation: string;
  /** Mount options beyond the above, e.g. `size=64m` of a tmpfs. */
  readonly options: readonly string[];
  /** An anonymous volume goes with `rm -v` and `run --rm`. */
  readonly anonymous: boolean;
}

/** Settled when the container is created; only `update` and `rename` write it again. */
export interface ContainerRecord {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly image: {
    /** The canonical reference that the container was made from. */
    readonly reference: string;
    /** Digest of the image as docker shows it (`.Image` of inspect): the config's digest. */
    readonly id: string;
    /** Digest of the image record's target at that time. */
    readonly target: string;
  };
  readonly platform: string;
  /** `Path` and `Args` of inspect: entrypoint and command after defaults. */
  readonly argv: readonly string[];
  readonly mounts: readonly ResolvedMount[];
  /** Absolute path of `<id>-json.log`; `""` for the log driver `none`. */
  readonly logPath: string;
  /** Directory of hostname, hosts and resolv.conf. */
  readonly stateDir: string;
}

/** One network a running container is on. */
export interface EndpointState {
  readonly networkName: string;
  readonly networkId: string;
  readonly ipAddress: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly macAddress: string;
  readonly ipv6Address: string;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string;
  readonly interfaceName: string;
}

/** A published port as it was bound. */
export interface PublishedPort {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly containerPort: number;
  readonly hostIp: string;
  readonly hostPort: number;
}

/** Why a container's policy started it again, and what had come before. */
export interface RestartRecord {
  /** When the run before had ended. */
  readonly time: string;
  /** Its process ended; the kernel ended it for want of memory; or nobody saw how it ended, as in a power cut. */
  readonly reason: "exit" | "oom" | "unseen";
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

/**
 * What changes during a container's life. Only the supervisor writes it. `desired` is written before the action that
 * it asks for, so that a supervisor that died in between knows what was meant.
 */
export interface ContainerState {
  readonly desired: "created" | "running" | "stopped" | "removed";
  /** Of a removal that a person asked for: the anonymous volumes go too. */
  readonly removesVolumes?: boolean | undefined;
  /** True once a person sent a signal to the present run; `unless-stopped` does not start again after that. */
  readonly stoppedByUser: boolean;
  /** ISO 8601 with nanoseconds or milliseconds; `""` when it never happened. */
  readonly startedAt: string;
  /** What `startedAt` was before the last start: it is written while the process is being started, which may not come about. */
  readonly startedBefore?: string | undefined;
  readonly finishedAt: string;
  /**
   * True from a start until the end of that run is written down. The two moments do not tell, for the clock may have been
   * set back between them. Absent until the first start.
   */
  readonly unsettled?: boolean | undefined;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly restartCount: number;
  /** The pause before the restart that is owed, or was done last; absent when a person started the container. */
  readonly restartDelayMs?: number | undefined;
  /** The last restarts by the policy, oldest first. */
  readonly restarts?: readonly RestartRecord[];
  /** The boot in which `sandbox` was made; in another boot the sandbox is gone. */
  readonly bootId: string;
  /** `""` without a network namespace of its own. */
  readonly netnsPath: string;
  readonly endpoints: readonly EndpointState[];
  readonly ports: readonly PublishedPort[];
}
