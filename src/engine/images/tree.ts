import { isEngineError } from "../../errors.ts";
import { chainIds } from "../../model/chain-id.ts";
import { Filters } from "../../model/filters.ts";
import { formatPlatform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, listCatalog } from "./catalog.ts";
import { listImageUsers, usesImage } from "./image-users.ts";
import { listImages } from "./list.ts";
import { type ImageVariant, listPresent, readVariants } from "./variants.ts";

/** An image and what is here of it on each of its platforms. */
export interface ImageTree {
  readonly id: string;
  readonly names: readonly string[];
  readonly inUse: boolean;
  readonly sizes: TreeSizes;
  readonly platforms: readonly TreePlatform[];
}

export interface TreePlatform {
  /** Digest of its manifest. */
  readonly digest: string;
  readonly platform: string;
  /** False when something of it is missing. */
  readonly isWhole: boolean;
  readonly sizes: TreeSizes;
}

export interface TreeSizes {
  /** Bytes of manifest, config and layers, as they came. */
  readonly contentBytes: number;
  /** Bytes of the snapshots that were made of them. */
  readonly unpackedBytes: number;
}

type Lister = Pick<Engine, "containerd">;

interface ListOptions {
  readonly signal: AbortSignal;
}

/**
 * The images that the filters of `images` leave, in the same order, with all their platforms.
 *
 * @throws EngineError as `listImages`.
 */
export async function listImageTrees(
  engine: Lister,
  { filters = Filters.none }: { readonly filters?: Filters },
  { signal }: ListOptions,
): Promise<ImageTree[]> {
  const [listed, catalog, users, present] = await Promise.all([
    listImages(engine, { filters }, { signal }),
    listCatalog(engine, { signal }),
    listImageUsers(engine, { signal }),
    listPresent(engine.containerd.content, { signal }),
  ]);
  const trees: ImageTree[] = [];
  for (const { Id, RepoTags } of listed) {
    const image = catalog.find(({ id }) => id === Id);
    if (image === undefined) continue;
    const platforms = await readPlatforms(engine, image, present, { signal });
    trees.push({
      id: Id,
      names: RepoTags,
      inUse: users.some((user) => usesImage(user, image)),
      sizes: {
        contentBytes: platforms.reduce((sum, { sizes }) => sum + sizes.contentBytes, 0),
        unpackedBytes: platforms.reduce((sum, { sizes }) => sum + sizes.unpackedBytes, 0),
      },
      platforms,
    });
  }
  return trees;
}

async function readPlatforms(
  engine: Lister,
  { target }: CatalogedImage,
  present: ReadonlySet<string>,
  { signal }: ListOptions,
): Promise<TreePlatform[]> {
  const { variants } = await readVariants(engine.containerd.content, target, { present, signal });
  const shown = variants.filter(({ isAttestation }) => !isAttestation);
  return await Promise.all(
    shown.map(async (variant) => ({
      digest: variant.manifest.digest,
      platform: variant.platform === undefined ? "unknown" : formatPlatform(variant.platform),
      isWhole: variant.missing.length === 0,
      sizes: {
        contentBytes: variant.blobs
          .filter((blob) => !variant.missing.includes(blob))
          .reduce((sum, { size }) => sum + size, 0),
        unpackedBytes: await unpackedSizeOf(engine, variant, { signal }),
      },
    })),
  );
}

async function unpackedSizeOf(
  { containerd }: Lister,
  { config }: ImageVariant,
  { signal }: ListOptions,
): Promise<number> {
  const sizes = await Promise.all(
    chainIds(config?.rootfs.diff_ids ?? []).map(async (chainId) => {
      try {
        return (await containerd.snapshots.usage(chainId, { signal })).sizeBytes;
      } catch (error) {
        if (isEngineError(error, "not-found")) return 0;
        throw error;
      }
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
