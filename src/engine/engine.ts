import type { Networks } from "../cni/networks.ts";
import type { Containerd } from "../containerd/client.ts";
import type { Settings } from "../model/settings.ts";
import type { RegistryClient } from "../registry/client.ts";
import type { HostFacts } from "../spec/host-facts.ts";
import type { Store } from "../store/store.ts";

/**
 * The boundaries that operations work with, bound to one containerd namespace. An operation takes a `Pick` of what it
 * uses; the two composition roots, `cli/open-engine.ts` and `supervisor/main.ts`, make the whole.
 */
export interface Engine {
  readonly containerd: Containerd;
  readonly registry: RegistryClient;
  readonly networks: Networks;
  readonly store: Store;
  readonly settings: Settings;
  readonly host: HostFacts;
}

/** What every operation is given beside its request: when to give up, and where to tell of its progress. */
export interface OperationContext<E = never> {
  readonly signal: AbortSignal;
  onProgress(event: E): void;
}
