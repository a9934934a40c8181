import type { Engine } from "../engine.ts";

/** A containerd namespace, and how much it holds. */
export interface NamespaceSummary {
  readonly name: string;
  readonly containers: number;
  readonly images: number;
  readonly volumes: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** The namespaces of containerd, those of other clients too, sorted by name. */
export async function listNamespaces(
  { containerd, store }: Pick<Engine, "containerd" | "store">,
  { signal }: { readonly signal: AbortSignal },
): Promise<NamespaceSummary[]> {
  const namespaces = await containerd.namespaces.list({ signal });
  const summaries = namespaces.map(async ({ name, labels }) => {
    const within = containerd.withNamespace(name);
    const [containers, images, volumes] = await Promise.all([
      within.containers.list([], { signal }),
      within.images.list([], { signal }),
      store.withNamespace(name).volumes.list(),
    ]);
    return { name, containers: containers.length, images: images.length, volumes: volumes.length, labels };
  });
  return (await Promise.all(summaries)).sort((a, b) => (a.name < b.name ? -1 : 1));
}
