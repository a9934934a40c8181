import { EngineError } from "../errors.ts";
import type { HealthConfig } from "./container-config.ts";
import { parseDigest } from "./digest.ts";
import { parseJsonObject } from "./manifest.ts";
import { normalizePlatform, type Platform } from "./platform.ts";

/** What a container of the image runs unless it is told otherwise. OCI's names, and docker's additions. */
export interface ImageRunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, Record<string, never>>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly ArgsEscaped?: boolean;
  readonly Healthcheck?: HealthConfig;
  readonly OnBuild?: readonly string[] | null;
  readonly Shell?: readonly string[];
}

/** One step of an image's history. */
export interface ImageHistory {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** An image's *config*: its platform, its run defaults and the diff IDs of its layers. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly config: ImageRunConfig;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history?: readonly ImageHistory[];
}

/** @throws EngineError `invalid-argument` when `content` is no image config. */
export function parseImageConfig(content: Uint8Array): ImageConfig {
  const config = parseJsonObject(content, "config");
  const diffIds = (config.rootfs as Partial<ImageConfig["rootfs"]> | undefined)?.diff_ids;
  if (!Array.isArray(diffIds)) {
    throw new EngineError("invalid-argument", "malformed image config: it names no layers");
  }
  diffIds.forEach((diffId) => {
    parseDigest(String(diffId));
  });
  return {
    ...(config as unknown as ImageConfig),
    config: (config.config as ImageRunConfig | null | undefined) ?? {},
  };
}

/** The platform that an image is made for. */
export function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}
