import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import { chainIds } from "../../model/chain-id.ts";
import { shortDigest } from "../../model/digest.ts";
import type { ImageDeletion } from "../../model/image-view.ts";
import { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, namelessName } from "./catalog.ts";
import { readImageContent } from "./image-content.ts";
import { type ImageUser, listImageUsers, usesImage } from "./image-users.ts";
import { withoutSource } from "./labels.ts";
import { findCatalogedImage, isPrefixOfId, noSuchImage } from "./resolve.ts";
import { isUnpacked } from "./unpack.ts";

export interface RemoveImageRequest {
  /** A reference, an ID or the beginning of one. */
  readonly image: string;
  /** Also when it has several names, or a stopped container uses it. */
  readonly force: boolean;
}

/** An image that is to go, and what may stand in the way. */
interface Removal {
  readonly image: CatalogedImage;
  readonly force: boolean;
  readonly users: readonly ImageUser[];
  readonly signal: AbortSignal;
}

type Remover = Pick<Engine, "containerd">;

const SHORT_ID_LENGTH = 12;

/**
 * Removes an image as docker does: a name takes that name away and the image only with its last one, an ID takes the
 * image with all its names. Returns what was done, in order.
 *
 * @throws EngineError `not-found`; `conflict` when a container or other names are in the way, which `force` overrides
 *   unless the container runs.
 */
export async function removeImage(
  engine: Remover,
  { image: nameOrId, force }: RemoveImageRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageDeletion[]> {
  const image = await findCatalogedImage(engine, nameOrId, { signal });
  const users = (await listImageUsers(engine, { signal })).filter((user) => usesImage(user, image));
  const removal: Removal = { image, force, users, signal };
  if (!isPrefixOfId(nameOrId, image.id)) return await removeName(engine, nameOrId, removal);
  const obstacle = findObstacle(removal);
  if (obstacle) throw obstacle;
  return await deleteImage(engine, namesOf(image), removal);
}

async function removeName(engine: Remover, text: string, removal: Removal): Promise<ImageDeletion[]> {
  const { image, force, users } = removal;
  const [user] = users;
  if (user && !force && hasSingleName(image)) {
    const shortId = user.containerId.slice(0, SHORT_ID_LENGTH);
    throw new EngineError(
      "conflict",
      `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ${shortId} is using its referenced image ${shortDigest(image.id)}`,
    );
  }
  const names = namesToRemove(image, Reference.parse(text).withDefaultTag());
  if (names.length < namesOf(image).length) return await untag(engine, names, removal);
  if (findObstacle(removal)) {
    // A running container keeps its image, which has no name from now on.
    const [record] = image.records;
    if (record) await engine.containerd.images.upsert({ ...record, name: namelessName(record.target.digest) }, removal);
    return await untag(engine, names, removal);
  }
  return await deleteImage(engine, names, removal);
}

/** A tag that is the last of its repository takes along the digests by which that repository knows the image. */
function namesToRemove({ tags, digests }: CatalogedImage, reference: Reference): Reference[] {
  const isLastTag =
    reference.digest === undefined && tags.filter(({ repository }) => repository === reference.repository).length === 1;
  return [reference, ...(isLastTag ? digests.filter(({ repository }) => repository === reference.repository) : [])];
}

/** Takes names away from an image that stays. */
async function untag(
  { containerd }: Remover,
  names: readonly Reference[],
  { image, signal }: Removal,
): Promise<ImageDeletion[]> {
  const listed = names.filter((name) => image.records.some((record) => record.name === name.toString()));
  const onDeleted = () => faultPoint("rmi.untagged");
  await deleteRecords({ containerd }, listed.map(String), { onDeleted, signal });
  for (const name of names.filter(({ digest }) => digest !== undefined)) {
    await forgetSource({ containerd }, name, { signal });
  }
  return names.map((name) => ({ Untagged: name.familiar() }));
}

/** Deletes all records, waits until containerd has collected what they held, and tells which layers that were. */
export async function deleteImage(
  engine: Remover,
  names: readonly Reference[],
  { image, signal }: Pick<Removal, "image" | "signal">,
): Promise<ImageDeletion[]> {
  const layers = await listChainIds(engine, image, { signal });
  const records = image.records.map(({ name }) => name);
  const onDeleted = () => faultPoint("rmi.record-deleted");
  await deleteRecords(engine, records, { sync: true, onDeleted, signal });
  const kept = await Promise.all(layers.map((chainId) => isUnpacked(engine, chainId, { signal })));
  return [
    ...names.map((name) => ({ Untagged: name.familiar() })),
    { Deleted: image.id },
    ...layers.filter((_, index) => !kept[index]).map((chainId) => ({ Deleted: chainId })),
  ];
}

interface RecordDeletion {
  readonly sync?: boolean;
  onDeleted(): void;
  readonly signal: AbortSignal;
}

/**
 * Deletes records, waiting behind the last one for the garbage collector if `sync` says so. One that somebody else has
 * just deleted is gone as wished.
 *
 * @throws EngineError `not-found` when somebody else deleted them all.
 */
async function deleteRecords(
  { containerd }: Remover,
  names: readonly string[],
  { sync = false, onDeleted, signal }: RecordDeletion,
): Promise<void> {
  let beaten = 0;
  for (const [index, name] of names.entries()) {
    try {
      await containerd.images.delete(name, { sync: sync && index === names.length - 1, signal });
      onDeleted();
    } catch (error) {
      if (!isEngineError(error, "not-found")) throw error;
      beaten++;
    }
  }
  const [first] = names;
  if (first !== undefined && beaten === names.length) throw noSuchImage(first);
}

/** Content that is gone meanwhile came from nowhere. */
async function forgetSource(
  { containerd }: Remover,
  name: Reference,
  { signal }: Pick<Removal, "signal">,
): Promise<void> {
  const digest = name.digest ?? "";
  try {
    const { labels } = await containerd.content.info(digest, { signal });
    await containerd.content.updateLabels(digest, withoutSource(name, labels), { signal });
  } catch (error) {
    if (!isEngineError(error, "not-found")) throw error;
  }
}

/** The image's snapshots, the top one first; none when its content is incomplete. */
async function listChainIds(
  { containerd }: Remover,
  { target }: CatalogedImage,
  { signal }: Pick<Removal, "signal">,
): Promise<string[]> {
  try {
    const { config } = await readImageContent(containerd.content, target, { signal });
    return chainIds(config.rootfs.diff_ids).reverse();
  } catch (error) {
    if (isEngineError(error, "not-found")) return [];
    throw error;
  }
}

/** Why the image cannot be deleted: a container that runs in any case, the rest unless it is forced. */
function findObstacle({ image, users, force }: Removal): EngineError | undefined {
  const running = users.find(({ isRunning }) => isRunning);
  if (running) return obstacle(image, "cannot be forced", `image is being used by running container ${short(running)}`);
  if (force) return undefined;
  if (!hasSingleName(image)) return obstacle(image, "must be forced", "image is referenced in multiple repositories");
  const [stopped] = users;
  return stopped && obstacle(image, "must be forced", `image is being used by stopped container ${short(stopped)}`);
}

function obstacle({ id }: CatalogedImage, remedy: string, reason: string): EngineError {
  return new EngineError("conflict", `conflict: unable to delete ${shortDigest(id)} (${remedy}) - ${reason}`);
}

function short({ containerId }: ImageUser): string {
  return containerId.slice(0, SHORT_ID_LENGTH);
}

/** True when the image has at most one tag, and no digest of another repository. */
function hasSingleName(image: CatalogedImage): boolean {
  const { tags } = image;
  const repositories = new Set(namesOf(image).map(({ repository }) => repository));
  return tags.length <= 1 && repositories.size <= 1;
}

/** All names of an image, sorted. */
export function namesOf({ tags, digests }: CatalogedImage): Reference[] {
  const byName = (a: Reference, b: Reference) => (a.toString() < b.toString() ? -1 : 1);
  return [...tags, ...digests].sort(byName);
}
