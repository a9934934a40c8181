import type { Descriptor } from "../../model/descriptor.ts";
import { digestOf } from "../../model/digest.ts";
import type { ImageConfig } from "../../model/image-config.ts";
import { type ImageManifest, MediaType } from "../../model/manifest.ts";
import type { Engine } from "../engine.ts";
import { childLabels } from "./labels.ts";

/** A manifest that is in the content store now, and keeps its config and layers. */
export interface StoredImage {
  readonly target: Descriptor;
  readonly manifest: ImageManifest;
  readonly configDigest: string;
}

interface StoreOptions {
  readonly leaseId: string;
  readonly signal: AbortSignal;
}

type Content = Engine["containerd"]["content"];

/** Writes an image's config and a manifest of OCI's kind; the layers are there already. All is held by the lease. */
export async function storeImage(
  content: Content,
  { config, layers }: { readonly config: ImageConfig; readonly layers: readonly Descriptor[] },
  options: StoreOptions,
): Promise<StoredImage> {
  const configDescriptor = await storeJson(content, MediaType.ociConfig, config, {}, options);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: configDescriptor,
    layers,
  };
  const target = await storeManifest(content, MediaType.ociManifest, manifest, options);
  return { target, manifest, configDigest: configDescriptor.digest };
}

/** Writes a manifest or an index, with the labels that keep what it names. */
export async function storeManifest(
  content: Content,
  mediaType: string,
  document: ImageManifest | { readonly manifests: readonly Descriptor[] },
  options: StoreOptions,
): Promise<Descriptor> {
  const children = "manifests" in document ? document.manifests : [document.config, ...document.layers];
  return await storeJson(content, mediaType, document, childLabels(children), options);
}

/** Writes a JSON document, as its digest will be known from now on. */
async function storeJson(
  content: Content,
  mediaType: string,
  document: object,
  labels: Readonly<Record<string, string>>,
  { leaseId, signal }: StoreOptions,
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await content.writeBlob(descriptor, bytes, { labels, leaseId, signal });
  return descriptor;
}
