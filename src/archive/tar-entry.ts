/** A member of a tar archive. */
export interface TarEntry {
  /** A clean relative path, without `.` and `..`. */
  readonly name: string;
  readonly type: "file" | "directory" | "link";
  /** The member that a link stands for, as a clean path from the archive's root. */
  readonly target?: string;
  readonly sizeBytes: number;
  /** Seconds since the epoch. */
  readonly modifiedAt?: number;
  /** A file's bytes. Read once, and before the next entry is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}
