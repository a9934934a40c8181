import { isEngineError } from "../errors.ts";
import type { Descriptor } from "../model/descriptor.ts";
import type { Image, ImagesDefinition } from "./generated/containerd/services/images/v1/images.ts";
import { descriptorFromMessage, descriptorToMessage } from "./messages.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";
import { timestampToIso } from "./timestamps.ts";

/** A name that points at an index or manifest in the content store, and keeps it from being collected. */
export interface ImageRecord {
  readonly name: string;
  readonly target: Descriptor;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What a caller says about an image; containerd adds the times. */
export type NewImage = Pick<ImageRecord, "name" | "target"> & Partial<Pick<ImageRecord, "labels">>;

/** containerd's Images service. */
export class Images {
  constructor(private readonly client: ServiceClient<typeof ImagesDefinition>) {}

  /** @throws EngineError `not-found`. */
  async get(name: string, options?: CallOptions): Promise<ImageRecord> {
    return imageFromMessage((await this.client.unary("get", { name }, options)).image);
  }

  /** The images that match one of the filters, such as `name==docker.io/library/busybox:latest`; without a filter all. */
  async list(filters: readonly string[] = [], options?: CallOptions): Promise<ImageRecord[]> {
    return (await this.client.unary("list", { filters: [...filters] }, options)).images.map(imageFromMessage);
  }

  /** @throws EngineError `already-exists`; `not-found` when the target is not in the content store. */
  async create(image: NewImage, options?: WriteOptions): Promise<ImageRecord> {
    return imageFromMessage((await this.client.unary("create", { image: imageToMessage(image) }, options)).image);
  }

  /**
   * Replaces `fieldPaths` (`target`, `labels`, `labels.KEY`), or without them both target and labels.
   *
   * @throws EngineError `not-found`.
   */
  async update(image: NewImage, fieldPaths: readonly string[] = [], options?: WriteOptions): Promise<ImageRecord> {
    const updateMask = fieldPaths.length > 0 ? [...fieldPaths] : undefined;
    const request = { image: imageToMessage(image), updateMask };
    return imageFromMessage((await this.client.unary("update", request, options)).image);
  }

  /** Creates the image, or points it at the new target if the name is taken. Labels that are not given stay. */
  async upsert(image: NewImage, options?: WriteOptions): Promise<ImageRecord> {
    try {
      return await this.create(image, options);
    } catch (error) {
      if (!isEngineError(error, "already-exists")) throw error;
    }
    const labelPaths = Object.keys(image.labels ?? {}).map((key) => `labels.${key}`);
    try {
      return await this.update(image, ["target", ...labelPaths], options);
    } catch (error) {
      // Somebody deleted it between the two calls.
      if (!isEngineError(error, "not-found")) throw error;
      return await this.create(image, options);
    }
  }

  /** `sync` waits until the garbage collector has freed what only this image held. @throws EngineError `not-found`. */
  async delete(name: string, options: CallOptions & { readonly sync?: boolean } = {}): Promise<void> {
    await this.client.unary("delete", { name, sync: options.sync ?? false }, options);
  }
}

function imageFromMessage(image: Image | undefined): ImageRecord {
  return {
    name: image?.name ?? "",
    target: descriptorFromMessage(image?.target),
    labels: image?.labels ?? {},
    createdAt: timestampToIso(image?.createdAt),
    updatedAt: timestampToIso(image?.updatedAt),
  };
}

function imageToMessage(image: NewImage): Image {
  return { name: image.name, target: descriptorToMessage(image.target), labels: { ...image.labels } };
}
