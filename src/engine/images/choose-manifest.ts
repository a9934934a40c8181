import type { Descriptor } from "../../model/descriptor.ts";
import { isIndexType, isManifestType } from "../../model/manifest.ts";
import { type Platform, platformDistance } from "../../model/platform.ts";

/**
 * The entries of an index that run on a platform, the best first. An entry without a platform may be anything, so it
 * comes last; without a platform to look for, all come in the order of the index.
 */
export function manifestsFor(manifests: readonly Descriptor[], platform: Platform | undefined): Descriptor[] {
  return manifests
    .filter(({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType))
    .map((descriptor) => ({ descriptor, distance: distanceTo(descriptor, platform) }))
    .filter(({ distance }) => distance !== undefined)
    .sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0))
    .map(({ descriptor }) => descriptor);
}

function distanceTo({ platform: offered }: Descriptor, wanted: Platform | undefined): number | undefined {
  if (!offered) {
    return Number.MAX_SAFE_INTEGER;
  }
  return wanted ? platformDistance(wanted, offered) : 0;
}
