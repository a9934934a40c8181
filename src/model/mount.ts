/** A mount in the words of mount(2), as snapshotters answer them. */
export interface Mount {
  readonly type: string;
  readonly source: string;
  /** A path below the mount point of the whole; `""` is the mount point itself. */
  readonly target: string;
  readonly options: readonly string[];
}
