import type { Descriptor } from "../../model/descriptor.ts";
import { isIndexType, isManifestType } from "../../model/manifest.ts";
import { hostPlatform, type Platform, platformDistance } from "../../model/platform.ts";

/** In the annotations of an entry that only tells how another one was built. */
const REFERENCE_TYPE = "vnd.docker.reference.type";

/**
 * The entries of an index that run on a platform, the best first. An entry without a platform may be anything, so it
 * comes last. Without a platform to look for, all come: those for this machine, then the others in the index's order.
 */
export function manifestsFor(manifests: readonly Descriptor[], platform: Platform | undefined): Descriptor[] {
  return manifests
    .filter(({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType))
    .filter(({ annotations }) => annotations?.[REFERENCE_TYPE] === undefined)
    .map((descriptor) => ({ descriptor, distance: distanceTo(descriptor, platform) }))
    .filter(({ distance }) => distance !== undefined)
    .sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0))
    .map(({ descriptor }) => descriptor);
}

const OWN = hostPlatform("linux", process.arch);
/** Behind whatever this machine runs, before what may be anything. */
const FOREIGN = Number.MAX_SAFE_INTEGER - 1;

function distanceTo({ platform: offered }: Descriptor, wanted: Platform | undefined): number | undefined {
  if (!offered) {
    return Number.MAX_SAFE_INTEGER;
  }
  return wanted ? platformDistance(wanted, offered) : (platformDistance(OWN, offered) ?? FOREIGN);
}
