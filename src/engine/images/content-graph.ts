import type { Engine } from "../engine.ts";
import { referredContent, referredSnapshots } from "./labels.ts";

type Reader = Pick<Engine, "containerd">;

/** Something that the garbage collector keeps or takes: a blob by its digest, or a snapshot by its name. */
export type GraphNode = `content:${string}` | `snapshot:${string}`;

const ROOT_LABEL = "containerd.io/gc.root";

interface Vertex {
  /** Bytes of a blob; a snapshot's are asked for when they are wanted. */
  readonly sizeBytes: number | undefined;
  readonly isRoot: boolean;
  readonly children: readonly GraphNode[];
}

/**
 * What a namespace holds and what refers to what, as the garbage collector sees it at one moment: so that one can say
 * what will be freed before anything is. It knows the snapshots of one snapshotter.
 */
export class ContentGraph {
  private constructor(
    private readonly engine: Reader,
    private readonly vertices: ReadonlyMap<GraphNode, Vertex>,
    /** What leases hold and containers stand on. */
    private readonly held: readonly GraphNode[],
    /** Blobs that another namespace has, too: they are not freed with this one's. */
    private readonly shared: ReadonlySet<string>,
  ) {}

  static async read(engine: Reader, { signal }: { readonly signal: AbortSignal }): Promise<ContentGraph> {
    const { containerd } = engine;
    const { snapshotter } = containerd;
    const [blobs, snapshots, containers, leases, namespaces] = await Promise.all([
      containerd.content.list([], { signal }),
      containerd.snapshots.list([], { signal }),
      containerd.containers.list([], { signal }),
      containerd.leases.list([], { signal }),
      containerd.namespaces.list({ signal }),
    ]);
    const vertices = new Map<GraphNode, Vertex>();
    for (const { digest, size, labels } of blobs) {
      vertices.set(contentNode(digest), {
        sizeBytes: size,
        isRoot: ROOT_LABEL in labels,
        children: [
          ...referredContent(labels).map(contentNode),
          ...referredSnapshots(labels, snapshotter).map(snapshotNode),
        ],
      });
    }
    for (const { name, parent, labels } of snapshots) {
      vertices.set(snapshotNode(name), {
        sizeBytes: undefined,
        isRoot: ROOT_LABEL in labels,
        children: [...(parent === "" ? [] : [snapshotNode(parent)]), ...referredContent(labels).map(contentNode)],
      });
    }
    const resources = await Promise.all(leases.map(({ id }) => containerd.leases.listResources(id, { signal })));
    const held = [
      ...containers.map(({ snapshotKey }) => snapshotNode(snapshotKey)),
      ...resources.flat().flatMap(({ id, type }): GraphNode[] => {
        if (type === "content") return [contentNode(id)];
        return type === `snapshots/${snapshotter}` ? [snapshotNode(id)] : [];
      }),
    ];
    const others = namespaces.filter(({ name }) => name !== containerd.namespace);
    const elsewhere = await Promise.all(
      others.map(({ name }) => containerd.withNamespace(name).content.list([], { signal })),
    );
    return new ContentGraph(engine, vertices, held, new Set(elsewhere.flat().map(({ digest }) => digest)));
  }

  /** What stays as long as these images, containers, leases and whatever keeps itself are there. */
  keptBy(targets: readonly string[]): Set<GraphNode> {
    const roots = [...this.vertices].filter(([, { isRoot }]) => isRoot).map(([node]) => node);
    return this.reach([...roots, ...this.held, ...targets.map(contentNode)]);
  }

  /** All that can be reached from a node, itself included. */
  reach(from: readonly GraphNode[]): Set<GraphNode> {
    const reached = new Set<GraphNode>();
    const pending = [...from];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      const vertex = this.vertices.get(node);
      if (vertex === undefined || reached.has(node)) continue;
      reached.add(node);
      pending.push(...vertex.children);
    }
    return reached;
  }

  /** The bytes of the disk that are free when these nodes are gone. */
  async sizeOf(nodes: Iterable<GraphNode>, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    const sizes = await Promise.all(
      [...nodes].map(async (node) => {
        const { sizeBytes } = this.vertices.get(node) ?? { sizeBytes: 0 };
        if (sizeBytes !== undefined) return this.shared.has(nameOf(node)) ? 0 : sizeBytes;
        return (await this.engine.containerd.snapshots.usage(nameOf(node), { signal })).sizeBytes;
      }),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

export function contentNode(digest: string): GraphNode {
  return `content:${digest}`;
}

function snapshotNode(name: string): GraphNode {
  return `snapshot:${name}`;
}

function nameOf(node: GraphNode): string {
  return node.slice(node.indexOf(":") + 1);
}
