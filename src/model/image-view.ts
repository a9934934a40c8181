import type { ImageRunConfig } from "./image-config.ts";

/** An image as `GET /images/json` shows it. */
export interface ImageSummary {
  /** Digest of the image's config. */
  readonly Id: string;
  readonly ParentId: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  /** Seconds since the epoch. */
  readonly Created: number;
  /** Bytes of all layers, unpacked. */
  readonly Size: number;
  /** -1: not computed. */
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** -1: not computed. */
  readonly Containers: number;
}

/** An image as `GET /images/{name}/json` shows it. */
export interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  readonly Created?: string;
  readonly DockerVersion: string;
  readonly Author: string;
  readonly Config: ImageRunConfig;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly OsVersion?: string;
  readonly Size: number;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: string; readonly Layers?: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
}

/** One step of an image's making, as `GET /images/{name}/history` shows it. */
export interface ImageHistoryItem {
  /** `<missing>` for all but the last step, as in docker. */
  readonly Id: string;
  /** Seconds since the epoch. */
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  /** Bytes that the step's layer takes unpacked; 0 where it made none. */
  readonly Size: number;
  readonly Comment: string;
}

/** One line of what removing an image did. */
export type ImageDeletion = { readonly Untagged: string } | { readonly Deleted: string };
