/** What `system doctor` tells of one thing that is not as it should be. */
export interface DoctorEntry {
  /** Its sort: `netns`, `lease`, `snapshot` … */
  readonly Kind: string;
  /** Its name, as the tools of the host show it. */
  readonly Object: string;
  /** containerd's namespace; `""` for what belongs to the host. */
  readonly Namespace: string;
  /** Why it should not be there, or should be otherwise. */
  readonly Why: string;
  /** What is to be done about it, "remove it": by a repair, or where it cannot, by a person. */
  readonly Remedy: string;
  /** What a repair frees; 0 where that is not known or not worth saying. */
  readonly Bytes: number;
  /** Only a report of a repair has these: whether it was mended, and if not, why not. */
  readonly Mended?: boolean;
  readonly Failure?: string;
}
