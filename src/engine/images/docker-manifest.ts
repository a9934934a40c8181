import { list, object, otherwise, parseShaped, type Shape, string } from "../../model/json-shape.ts";
import { DOCKER_MANIFEST, type DockerArchiveImage } from "./archive-format.ts";

const dockerImages = list(
  object({ Config: string, RepoTags: otherwise(list(string), []), Layers: otherwise(list(string), []) }),
) satisfies Shape<DockerArchiveImage[]>;

/** Reads the `manifest.json` of a docker archive. @throws EngineError `invalid-argument` for what is none. */
export function parseDockerManifest(content: Uint8Array): DockerArchiveImage[] {
  const text = Buffer.from(content).toString("utf8");
  return parseShaped(text, dockerImages, `malformed ${DOCKER_MANIFEST} in the archive`);
}
