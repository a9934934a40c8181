import { type ImageConfig, type ImageRunConfig, platformOf } from "../../model/image-config.ts";
import type { ImageInspect } from "../../model/image-view.ts";
import { matchesPlatform, type Platform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";
import type { CatalogedImage } from "./catalog.ts";
import { readImageContent } from "./image-content.ts";
import { findCatalogedImage, otherPlatform } from "./resolve.ts";
import { measureImage } from "./size.ts";

export interface InspectImageRequest {
  readonly image: string;
  readonly platform?: Platform | undefined;
}

/** How the API writes a time that never was. */
const NEVER = "0001-01-01T00:00:00Z";

/**
 * Shows an image as docker does.
 *
 * @throws EngineError `not-found`, also when it is here for another platform only.
 */
export async function inspectImage(
  engine: Pick<Engine, "containerd">,
  { image: nameOrId, platform }: InspectImageRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageInspect> {
  const image = await findCatalogedImage(engine, nameOrId, { signal });
  const content = await readImageContent(engine.containerd.content, image.target, { signal });
  const { config, chainId } = content;
  if (platform && !matchesPlatform(platform, platformOf(config))) {
    throw otherPlatform(nameOrId, platform, platformOf(config));
  }
  const size = image.unpackedBytes ?? (await measureImage(engine, content, { signal }));
  const { created, author, architecture, variant, os, "os.version": osVersion, rootfs } = config;
  return {
    Id: image.id,
    RepoTags: image.tags.map((tag) => tag.familiar()),
    RepoDigests: image.digests.map((digest) => digest.familiar()),
    Parent: "",
    Comment: config.history?.at(-1)?.comment ?? "",
    ...(created === undefined ? {} : { Created: created }),
    DockerVersion: "",
    Author: author ?? "",
    Architecture: architecture,
    ...(variant ? { Variant: variant } : {}),
    Os: os,
    ...(osVersion ? { OsVersion: osVersion } : {}),
    Size: size,
    GraphDriver: { Name: engine.containerd.snapshotter, Data: { ChainID: chainId } },
    RootFS: { Type: rootfs.type, ...(rootfs.diff_ids.length > 0 ? { Layers: rootfs.diff_ids } : {}) },
    Metadata: { LastTagTime: lastTagTime(image) },
    Config: describeConfig(config),
  };
}

/** docker notes the time of a tag that was made here; one that came with a pull has none. */
function lastTagTime({ records, tags, digests }: CatalogedImage): string {
  const pulled = new Set(digests.map(({ repository }) => repository));
  const local = new Set(tags.filter(({ repository }) => !pulled.has(repository)).map(String));
  const times = records.filter(({ name }) => local.has(name)).map(({ updatedAt }) => updatedAt);
  return times.sort().at(-1) ?? NEVER;
}

/** The run defaults with the fields that docker shows also when they are empty. */
function describeConfig({ config }: ImageConfig): ImageRunConfig {
  const { Cmd = null, Entrypoint = null, Env = null, Labels = null, OnBuild = null, Volumes = null } = config;
  const shown = { ...config, Cmd, Entrypoint, Env, Labels, OnBuild, Volumes };
  return Object.fromEntries(
    Object.entries({ ...shown, User: config.User ?? "", WorkingDir: config.WorkingDir ?? "" })
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
