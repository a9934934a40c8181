/** The answer of `GET /wharf/status`. */
export interface SupervisorStatus {
  readonly Version: string;
  readonly Pid: number;
  readonly StartedAt: string;
  /** containerd's socket. */
  readonly Address: string;
  /** The namespaces that have been spoken of since its start. */
  readonly Namespaces: readonly string[];
  /** How many containers run. */
  readonly Containers: number;
  /** Resident. */
  readonly MemoryBytes: number;
}
