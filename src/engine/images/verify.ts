import { createHash } from "node:crypto";
import { EngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { digestAlgorithm } from "../../model/digest.ts";
import type { Platform } from "../../model/platform.ts";
import type { Engine } from "../engine.ts";
import { findCatalogedImage, otherPlatform, targetNamed } from "./resolve.ts";
import { type ImageVariant, isFor, listPresent, nameOfVariant, readVariants } from "./variants.ts";

export interface VerifyRequest {
  /** A reference, an ID or the beginning of one. */
  readonly image: string;
  /** Look at this platform alone. */
  readonly platform?: Platform | undefined;
  /** Read every blob, and check it against its digest. */
  readonly content: boolean;
}

/** What is here of an image for one platform. */
export interface VerifiedVariant {
  /** Its platform, or its digest where it has none. */
  readonly name: string;
  readonly digest: string;
  /** `absent`: nothing of it was ever fetched, as is usual. `broken`: a part of it is here, and of no use. */
  readonly state: "complete" | "absent" | "broken";
  readonly missing: readonly Descriptor[];
  /** Blobs whose bytes are not what their digests say. */
  readonly damaged: readonly Descriptor[];
}

interface VerifyOptions {
  readonly signal: AbortSignal;
}

type Verifier = Pick<Engine, "containerd">;

/**
 * Says of each platform of an image whether all of it is here.
 *
 * @throws EngineError `not-found` when there is no such image, or it is not made for the platform.
 */
export async function verifyImage(
  engine: Verifier,
  { image: nameOrId, platform, content }: VerifyRequest,
  { signal }: VerifyOptions,
): Promise<VerifiedVariant[]> {
  const image = await findCatalogedImage(engine, nameOrId, { signal });
  const variants = await variantsOf(engine, targetNamed(image, nameOrId), { signal });
  const chosen = platform ? variants.filter((variant) => isFor(variant, platform)) : variants;
  if (platform && chosen.length === 0) throw otherPlatform(nameOrId, platform);
  const verified: VerifiedVariant[] = [];
  for (const variant of chosen) {
    const damaged = content ? await findDamaged(engine, variant, { signal }) : [];
    verified.push({
      name: nameOfVariant(variant) + (variant.isAttestation ? ` (attestation ${variant.manifest.digest})` : ""),
      digest: variant.manifest.digest,
      state: stateOf(variant, damaged),
      missing: variant.missing,
      damaged,
    });
  }
  return verified;
}

async function variantsOf(
  { containerd }: Verifier,
  target: Descriptor,
  { signal }: VerifyOptions,
): Promise<readonly ImageVariant[]> {
  const present = await listPresent(containerd.content, { signal });
  return (await readVariants(containerd.content, target, { present, signal })).variants;
}

function stateOf({ blobs, missing, content }: ImageVariant, damaged: readonly Descriptor[]): VerifiedVariant["state"] {
  if (missing.length === 0 && damaged.length === 0) return "complete";
  // A manifest alone is what a look at the image leaves.
  const isAbsent = content === undefined || missing.length === blobs.length - 1;
  return isAbsent && damaged.length === 0 ? "absent" : "broken";
}

async function findDamaged(
  { containerd: { content } }: Verifier,
  { blobs, missing }: ImageVariant,
  { signal }: VerifyOptions,
): Promise<Descriptor[]> {
  const damaged: Descriptor[] = [];
  for (const blob of blobs.filter((candidate) => !missing.includes(candidate))) {
    const algorithm = digestAlgorithm(blob.digest);
    const hash = createHash(algorithm);
    let size = 0;
    try {
      for await (const chunk of content.read(blob.digest, { signal })) {
        hash.update(chunk);
        size += chunk.length;
      }
    } catch (error) {
      // A blob that cannot be read, or ends early, is damaged, too.
      if (!(error instanceof EngineError) || signal.aborted) throw error;
      size = -1;
    }
    if (size !== blob.size || `${algorithm}:${hash.digest("hex")}` !== blob.digest) damaged.push(blob);
  }
  return damaged;
}
