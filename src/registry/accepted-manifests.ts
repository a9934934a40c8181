import { MediaType } from "../model/manifest.ts";

/** What we can read, for `Accept`. */
export const ACCEPTED_MANIFESTS = [
  MediaType.dockerManifest,
  MediaType.dockerIndex,
  MediaType.ociManifest,
  MediaType.ociIndex,
].join(", ");
