import type { HealthConfig } from "./container-config.ts";
import { parseDigest } from "./digest.ts";
import { asObject } from "./json-object.ts";
import { boolean, checkShape, list, object, optional, otherwise, type Shape, string } from "./json-shape.ts";
import { health, namesOnly, text, texts, textsByName } from "./loose-shapes.ts";
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

const imageShape = object({
  created: text,
  author: text,
  architecture: otherwise(string, ""),
  os: otherwise(string, ""),
  variant: text,
  "os.version": text,
  "os.features": texts,
  config: optional(
    object({
      User: text,
      ExposedPorts: namesOnly,
      Env: texts,
      Entrypoint: texts,
      Cmd: texts,
      Volumes: namesOnly,
      WorkingDir: text,
      Labels: textsByName,
      StopSignal: text,
      ArgsEscaped: optional(boolean),
      Healthcheck: optional(health),
      OnBuild: texts,
      Shell: texts,
    }) satisfies Shape<ImageRunConfig>,
  ),
  rootfs: object({
    type: otherwise(string, "layers"),
    diff_ids: list((value: unknown, path: string) => parseDigest(string(value, path))),
  }),
  history: optional(
    list(object({ created: text, created_by: text, author: text, comment: text, empty_layer: optional(boolean) })),
  ),
});

/** @throws EngineError `invalid-argument` when `content` is no image config. */
export function parseImageConfig(content: Uint8Array): ImageConfig {
  const found = parseJsonObject(content, "config");
  const { config = {}, ...image } = checkShape(found, imageShape, "malformed image config");
  // What only other programs know of a container's defaults is shown by `inspect`, as docker does.
  return { ...image, config: { ...withoutNulls(asObject(found.config)), ...config } };
}

function withoutNulls(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

/** The platform that an image is made for. */
export function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}
