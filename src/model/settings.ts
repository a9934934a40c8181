/** Which containerd to speak to, under which namespace, and where wharf keeps its own files. */
export interface Settings {
  /** Path of containerd's socket. */
  readonly address: string;
  readonly namespace: string;
  readonly snapshotter: string;
  /** Logs, volumes, networks: what outlives a reboot. */
  readonly dataRoot: string;
  /** Sockets, FIFOs, address leases: what a reboot forgets. */
  readonly runRoot: string;
  /** Directories searched for CNI plugins, first match wins. */
  readonly cniPath: readonly string[];
  /** How the user wants registries to be reached, beside what files say. */
  readonly registries: RegistrySettings;
  /** Print causes and stacks of failures. */
  readonly debug: boolean;
}

export interface RegistrySettings {
  /** Hosts or ranges of addresses that are spoken to without TLS, or with any certificate; `*` stands for all. */
  readonly insecure: readonly string[];
  /** Directories of `hosts.toml`; undefined for the usual ones. */
  readonly hostsDirectories: readonly string[] | undefined;
}
