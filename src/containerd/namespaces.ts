import { EngineError } from "../errors.ts";
import type { NamespacesDefinition } from "./generated/containerd/services/namespaces/v1/namespaces.ts";
import type { CallOptions, ServiceClient } from "./rpc.ts";

export interface NamespaceInfo {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** containerd's Namespaces service: the objects of one client, apart from another's. */
export class Namespaces {
  constructor(private readonly client: ServiceClient<typeof NamespacesDefinition>) {}

  async list(options?: CallOptions): Promise<NamespaceInfo[]> {
    return (await this.client.unary("list", { filter: "" }, options)).namespaces;
  }

  /** Looks through the list: containerd's own answer for a namespace that does not exist is one without labels. @throws EngineError `not-found`. */
  async get(name: string, options?: CallOptions): Promise<NamespaceInfo> {
    return present(
      name,
      (await this.list(options)).find((namespace) => namespace.name === name),
    );
  }

  /** @throws EngineError `already-exists`, `invalid-argument`. */
  async create(
    name: string,
    labels: Readonly<Record<string, string>> = {},
    options?: CallOptions,
  ): Promise<NamespaceInfo> {
    const request = { namespace: { name, labels: { ...labels } } };
    return present(name, (await this.client.unary("create", request, options)).namespace);
  }

  /** Sets the given labels and leaves the others; `""` removes a label. @throws EngineError `not-found`. */
  async update(name: string, labels: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> {
    const namespace = { name, labels: { ...labels } };
    const updateMask = Object.keys(labels).map((key) => `labels.${key}`);
    await this.client.unary("update", { namespace, updateMask }, options);
  }

  /** @throws EngineError `not-found`; `failed-precondition` while it holds objects. */
  async delete(name: string, options?: CallOptions): Promise<void> {
    await this.client.unary("delete", { name }, options);
  }
}

function present(name: string, namespace: NamespaceInfo | undefined): NamespaceInfo {
  if (!namespace) throw new EngineError("not-found", `no such namespace: ${name}`);
  return namespace;
}
