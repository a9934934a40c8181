import type { ContainerConfig, EndpointSettings, HostConfig } from "./container-config.ts";

/**
 * How the Docker Engine API (1.50, docker 28) shows containers: the rows of `GET /containers/json`, the object of
 * `GET /containers/{id}/json` and the small answers beside them, field for field and in docker's order.
 */
export type ContainerStatus = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** One port of a container's row; without `PublicPort` it is exposed and not published. */
export interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: "tcp" | "udp" | "sctp";
}

export interface MountPoint {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** A container's place on one network; the empty strings are docker's while the container does not run. */
export interface EndpointView extends EndpointSettings {
  readonly IPAMConfig: { readonly IPv4Address?: string; readonly IPv6Address?: string } | null;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: readonly string[] | null;
}

/** A row of `GET /containers/json`. */
export interface ContainerSummary {
  readonly Id: string;
  /** With a leading slash each. */
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Ports: readonly PortSummary[];
  /** Present when sizes were asked for. */
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: ContainerStatus;
  /** `Up 5 minutes`, `Exited (0) 2 hours ago`. */
  readonly Status: string;
  readonly HostConfig: { readonly NetworkMode: string; readonly Annotations?: Readonly<Record<string, string>> };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, EndpointView>> };
  readonly Mounts: readonly MountPoint[];
}

export type HealthStatus = "starting" | "healthy" | "unhealthy";

/** What one probe of a container's health came to. */
export interface ProbeResult {
  readonly Start: string;
  readonly End: string;
  /** -1 for a probe that ran too long, or could not be run. */
  readonly ExitCode: number;
  /** The first 4096 bytes of its output. */
  readonly Output: string;
}

export interface HealthView {
  readonly Status: HealthStatus;
  /** Failures in a row. */
  readonly FailingStreak: number;
  /** The last five, oldest first. */
  readonly Log: readonly ProbeResult[];
}

export interface ContainerStateView {
  readonly Status: ContainerStatus;
  readonly Running: boolean;
  readonly Paused: boolean;
  readonly Restarting: boolean;
  readonly OOMKilled: boolean;
  readonly Dead: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Error: string;
  /** `0001-01-01T00:00:00Z` when it never happened. */
  readonly StartedAt: string;
  readonly FinishedAt: string;
  /** Absent without a health check, and before the first start. */
  readonly Health?: HealthView;
}

/** Why the policy started the container again. */
export interface RestartView {
  /** When the run before had ended. */
  readonly Time: string;
  /** `exit`, `oom`, or `unseen` when nobody saw how it ended. */
  readonly Reason: string;
  readonly ExitCode: number;
  readonly OOMKilled: boolean;
}

export interface NetworkSettingsView {
  readonly Bridge: string;
  readonly SandboxID: string;
  readonly SandboxKey: string;
  /** `80/tcp` to its bindings; `null` for a port that is exposed and not published. */
  readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;
  readonly HairpinMode: boolean;
  readonly LinkLocalIPv6Address: string;
  readonly LinkLocalIPv6PrefixLen: number;
  readonly SecondaryIPAddresses: null;
  readonly SecondaryIPv6Addresses: null;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly MacAddress: string;
  readonly Networks: Readonly<Record<string, EndpointView>>;
}

/** The object of `GET /containers/{id}/json`. */
export interface ContainerInspect {
  readonly Id: string;
  readonly Created: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: ContainerStateView;
  readonly Image: string;
  readonly ResolvConfPath: string;
  readonly HostnamePath: string;
  readonly HostsPath: string;
  readonly LogPath: string;
  /** With a leading slash. */
  readonly Name: string;
  readonly RestartCount: number;
  /** Not docker's: the last ten restarts by the policy, oldest first; absent when there was none. */
  readonly RestartHistory?: readonly RestartView[];
  readonly Driver: string;
  readonly Platform: string;
  readonly MountLabel: string;
  readonly ProcessLabel: string;
  readonly AppArmorProfile: string;
  readonly ExecIDs: readonly string[] | null;
  /** With the fields that mean something on other platforms, which docker shows everywhere. */
  readonly HostConfig: HostConfig & {
    readonly Cgroup: string;
    readonly CpuCount: number;
    readonly CpuPercent: number;
    readonly IOMaximumIOps: number;
    readonly IOMaximumBandwidth: number;
  };
  readonly GraphDriver: { readonly Data: Readonly<Record<string, string>> | null; readonly Name: string };
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts: readonly MountPoint[];
  readonly Config: ContainerConfig & { readonly OnBuild: null };
  readonly NetworkSettings: NetworkSettingsView;
}

/** The answer of `GET /containers/{id}/top`. */
export interface ContainerTop {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/** The answer of `POST /containers/{id}/wait`. */
export interface ContainerWait {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}
