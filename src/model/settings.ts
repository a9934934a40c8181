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
  /** Print causes and stacks of failures. */
  readonly debug: boolean;
}
