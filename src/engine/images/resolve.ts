import { EngineError, isEngineError } from "../../errors.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { isDigest } from "../../model/digest.ts";
import { platformOf } from "../../model/image-config.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../../model/platform.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, listCatalog } from "./catalog.ts";
import { type ResolvedImage, readImageContent } from "./image-content.ts";
import { findRecord } from "./record.ts";

type Resolver = Pick<Engine, "containerd">;

interface ResolveOptions {
  /** Which platform it must be made for; any that is here without one. */
  readonly platform?: Platform | undefined;
  readonly signal: AbortSignal;
}

const ID_PREFIX = /^(?:sha256:)?[a-f0-9]{1,64}$/;

/**
 * Finds an image by what a person calls it: a reference in whatever form, an ID, or a unique beginning of one.
 *
 * @throws EngineError `not-found`, also when it is here for another platform only; `invalid-argument` for what can be
 *   neither a reference nor an ID, or for the beginning of several IDs.
 */
export async function resolveImage(
  { containerd }: Resolver,
  nameOrId: string,
  { platform, signal }: ResolveOptions,
): Promise<ResolvedImage> {
  const reference = referenceOf(nameOrId);
  const record = reference && (await findRecord({ containerd }, reference.toString(), { signal }));
  if (reference && record) {
    try {
      const content = await readImageContent(containerd.content, record.target, { platform, signal });
      return requirePlatform({ record, ...content }, nameOrId, platform);
    } catch (error) {
      if (!isEngineError(error, "not-found")) throw error;
      throw platform ? otherPlatform(nameOrId, platform) : noSuchImage(nameOrId);
    }
  }
  const { target, records } = await findCatalogedImage({ containerd }, nameOrId, { signal });
  const [first] = records;
  if (!first) throw noSuchImage(nameOrId);
  const content = await readImageContent(containerd.content, target, { signal });
  return requirePlatform({ record: first, ...content }, nameOrId, platform);
}

/**
 * As `resolveImage`, but finds the whole image with all its names, and without regard to platforms.
 *
 * @throws EngineError `not-found`, `invalid-argument`.
 */
export async function findCatalogedImage(
  engine: Resolver,
  nameOrId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<CatalogedImage> {
  return pickImage(await listCatalog(engine, { signal }), nameOrId);
}

/** @throws EngineError `not-found`, `invalid-argument`, as `findCatalogedImage`. */
export function pickImage(catalog: readonly CatalogedImage[], nameOrId: string): CatalogedImage {
  const reference = referenceOf(nameOrId);
  const named = reference && catalog.find((image) => hasName(image, reference));
  if (named) return named;
  const [found, other] = ID_PREFIX.test(nameOrId) ? catalog.filter(({ id }) => isPrefixOfId(nameOrId, id)) : [];
  if (other) throw new EngineError("invalid-argument", `ambiguous image ID prefix: ${nameOrId}`);
  if (!found) throw noSuchImage(nameOrId);
  return found;
}

/** What the image's name that `nameOrId` is points at: names of one image may point at an index and at a part of it. */
export function targetNamed({ records, target }: CatalogedImage, nameOrId: string): Descriptor {
  const name = referenceOf(nameOrId)?.toString();
  return records.find((record) => record.name === name)?.target ?? target;
}

/** True when `text` is an image's ID or a beginning of it, with or without its algorithm. */
export function isPrefixOfId(text: string, id: string): boolean {
  return id.startsWith(text) || id.slice(id.indexOf(":") + 1).startsWith(text);
}

/** True when the image has a record of this name, or came from this repository with this digest. */
function hasName({ records, digests }: CatalogedImage, reference: Reference): boolean {
  const name = reference.toString();
  return records.some((record) => record.name === name) || digests.some((digest) => digest.toString() === name);
}

/** The reference that `text` may be, or undefined when it can only be an ID. */
function referenceOf(text: string): Reference | undefined {
  if (isDigest(text) || /^[a-f0-9]{64}$/.test(text)) return undefined;
  return Reference.parse(text).withDefaultTag();
}

/** docker names an absent image in the familiar form of its reference, an ID as it was given. */
export function noSuchImage(nameOrId: string): EngineError {
  const name = referenceOf(nameOrId)?.familiar() ?? nameOrId;
  return new EngineError("not-found", `No such image: ${name}`);
}

function requirePlatform(image: ResolvedImage, name: string, platform: Platform | undefined): ResolvedImage {
  if (platform && !matchesPlatform(platform, platformOf(image.config))) {
    throw otherPlatform(name, platform, platformOf(image.config));
  }
  return image;
}

export function otherPlatform(name: string, wanted: Platform, actual?: Platform): EngineError {
  const found = actual ? `its platform (${formatPlatform(actual)})` : "its platform";
  return new EngineError(
    "not-found",
    `image with reference ${name} was found but ${found} does not match the specified platform (${formatPlatform(wanted)})`,
  );
}
