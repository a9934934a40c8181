import type { ContainerInfo } from "../../containerd/containers.ts";
import { type ContainerRecord, RECORD_EXTENSION } from "../../model/container-record.ts";
import type { Engine } from "../engine.ts";
import type { CatalogedImage } from "./catalog.ts";

/** A container, seen as something that needs its image. */
export interface ImageUser {
  readonly containerId: string;
  readonly isRunning: boolean;
  /** Digest of the image's config; absent for a container that another client made. */
  readonly imageId: string | undefined;
  readonly imageName: string;
}

/** All containers of the namespace. */
export async function listImageUsers(
  { containerd }: Pick<Engine, "containerd">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ImageUser[]> {
  const [containers, tasks] = await Promise.all([
    containerd.containers.list([], { signal }),
    containerd.tasks.list("", { signal }),
  ]);
  const running = new Set(tasks.filter(({ status }) => status !== "stopped").map(({ containerId }) => containerId));
  return containers.map((info) => ({
    containerId: info.id,
    isRunning: running.has(info.id),
    imageId: recordedImageId(info),
    imageName: info.image,
  }));
}

/** True when the container was made from the image, be it that the image has lost that name since. */
export function usesImage({ imageId, imageName }: ImageUser, { id, records }: CatalogedImage): boolean {
  return imageId === undefined ? records.some(({ name }) => name === imageName) : imageId === id;
}

function recordedImageId(info: ContainerInfo): string | undefined {
  return (info.extension(RECORD_EXTENSION) as ContainerRecord | undefined)?.image.id;
}
