import type { ImageRecord } from "../../containerd/images.ts";
import { isEngineError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { type CatalogedImage, parseName } from "./catalog.ts";
import { type ImageUser, listImageUsers, usesImage } from "./image-users.ts";

type Reader = Pick<Engine, "containerd" | "store">;

/** By this label Kubernetes knows the images that its own garbage collection spares. */
const PINNED_LABEL = "io.cri-containerd.pinned";
const PINNED = "pinned";
/** Where the CRI plugin keeps its images and pods. */
const CRI_NAMESPACE = "k8s.io";
/** What containerd's releases take for sandboxes unless they are told otherwise; the tag differs from one to the next. */
const DEFAULT_SANDBOX_REPOSITORIES = new Set(["registry.k8s.io/pause", "k8s.gcr.io/pause"]);
const SHORT_ID_LENGTH = 12;

/** Why an image must stay, in words for a person; undefined when it need not. */
export type Protection = (image: CatalogedImage) => string | undefined;

/** Looks up once what must not go: what containers use, in whatever namespace, and what Kubernetes needs. */
export async function readProtection(
  engine: Reader,
  { signal }: { readonly signal: AbortSignal },
): Promise<Protection> {
  const [users, elsewhere, sandboxImage] = await Promise.all([
    listImageUsers(engine, { signal }),
    listForeignUses(engine, { signal }),
    readSandboxImage(engine, { signal }),
  ]);
  return (image) => {
    const user = users.find((candidate) => usesImage(candidate, image));
    if (user) return `used by container ${shortId(user)}`;
    const keys = [image.id, ...image.records.map(({ target }) => target.digest)];
    const foreign = keys.map((key) => elsewhere.get(key)).find((use) => use !== undefined);
    if (foreign !== undefined) return foreign;
    if (image.records.some(({ labels }) => labels[PINNED_LABEL] === PINNED)) return "pinned for Kubernetes";
    const isSandboxImage = engine.containerd.namespace === CRI_NAMESPACE && image.records.some(isNamed(sandboxImage));
    return isSandboxImage ? "Kubernetes' sandbox image" : undefined;
  };
}

function shortId({ containerId }: Pick<ImageUser, "containerId">): string {
  return containerId.slice(0, SHORT_ID_LENGTH);
}

function isNamed(sandboxImage: string | undefined): (record: ImageRecord) => boolean {
  const named = sandboxImage === undefined ? undefined : parseName(sandboxImage)?.withDefaultTag();
  return ({ name }) => {
    const reference = parseName(name);
    if (reference === undefined) return false;
    if (named === undefined) return DEFAULT_SANDBOX_REPOSITORIES.has(reference.repository);
    // The CRI plugin records an image by its tag and by its digest.
    return name === named.toString() || (reference.digest !== undefined && reference.repository === named.repository);
  };
}

/** By an image's ID or its target's digest: who uses it in another namespace. */
async function listForeignUses(
  { containerd }: Reader,
  { signal }: { readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, string>> {
  const uses = new Map<string, string>();
  for (const { name: namespace } of await containerd.namespaces.list({ signal })) {
    if (namespace === containerd.namespace) continue;
    const within = containerd.withNamespace(namespace);
    const [users, records] = await Promise.all([
      listImageUsers({ containerd: within }, { signal }),
      within.images.list([], { signal }),
    ]);
    const targets = new Map(records.map(({ name, target }) => [name, target.digest]));
    for (const user of users) {
      const key = user.imageId ?? targets.get(user.imageName);
      if (key !== undefined) uses.set(key, `used by container ${shortId(user)} of namespace ${namespace}`);
    }
  }
  return uses;
}

async function readSandboxImage(
  { containerd, store }: Reader,
  { signal }: { readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (containerd.namespace !== CRI_NAMESPACE) return undefined;
  const pid = await containerd.introspection.server({ signal }).then(
    (server) => server.pid,
    (error: unknown) => {
      if (isEngineError(error, "unimplemented")) return 0;
      throw error;
    },
  );
  return await store.readSandboxImage(pid);
}
