import type { Platform } from "./platform.ts";

/** A *descriptor* points at content: what it is, its digest, its size. OCI's own field names. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
  readonly artifactType?: string;
}
