import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { EndpointState, PublishedPort } from "../model/container-record.ts";
import type { AddressLease } from "./address-leases.ts";
import type { BridgeNetwork } from "./bridge-network.ts";
import { type Conflist, describeNetwork, malformedConflists, readConflists } from "./conflist.ts";
import type { EndpointRequest } from "./endpoint-request.ts";
import { Firewall } from "./firewall.ts";
import { createNetns, deleteNetns, listSandboxes, netnsPathOf, type Sandbox } from "./netns.ts";
import type { Network } from "./network.ts";
import { DEFAULT_NETWORK, type HostLock, isBridge, OwnNetworks } from "./own-networks.ts";
import { PluginNetwork } from "./plugin-network.ts";
import { PortClaims } from "./port-claims.ts";
import { Serial } from "./serial.ts";
import { DEFAULT_ADDRESS_POOLS } from "./subnet-choice.ts";

/** How long a bridge without containers stays, so that a script which runs one container after another finds it up. */
const LINGER_MS = 10_000;

export interface NetworksOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  /** Directories searched for CNI plugins. */
  readonly cniPath: readonly string[];
  /** Where other programs keep their networks. It is read, and never written or locked. */
  readonly configDir?: string;
  /** Where the subnets of wharf's own networks are taken from, first choice first. */
  readonly addressPools?: readonly string[];
  readonly lingerMs?: number;
  readonly withHostLock: HostLock;
}

/** A container to take off its networks. */
export interface DetachRequest {
  readonly containerId: string;
  /** `""` if it has none. */
  readonly netnsPath: string;
  /** As `attach` answered them; what wharf remembers by itself needs none of them. */
  readonly endpoints: readonly EndpointState[];
}

/** A container that is on a network of somebody else's. */
export interface PluginAttachment {
  readonly networkName: string;
  readonly containerId: string;
}

/** What containers have of the host's networks. */
export interface NetworkHoldings {
  readonly addresses: readonly (AddressLease & { readonly networkName: string })[];
  readonly attachments: readonly PluginAttachment[];
  /** Every network namespace that has a name of wharf's making, some of them perhaps another wharf's. */
  readonly sandboxes: readonly Sandbox[];
}

/**
 * The networks that containers can join: wharf's own, and those that other CNI runtimes configured. Only the
 * supervisor attaches and detaches, so what needs order is ordered inside this object; what several supervisors of one
 * host share, such as device names and subnets, is chosen under a lock of the host.
 */
export class Networks {
  /** The host's ports that containers have. */
  readonly ports = new PortClaims();
  readonly #own: OwnNetworks;
  readonly #configDir: string;
  /** A bridge comes up, gets an address taken that keeps it up, or goes down: one at a time. */
  readonly #transitions = new Serial();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  /** The last detach of each container that is still being detached. */
  readonly #detaching = new Map<string, Promise<void>>();

  constructor(private readonly options: NetworksOptions) {
    const { configDir = "/etc/cni/net.d", addressPools = DEFAULT_ADDRESS_POOLS } = options;
    this.#configDir = configDir;
    this.#own = new OwnNetworks({ ...options, configDir, addressPools }, new Firewall());
  }

  /**
   * Finds a network by its name or id; `default` is docker's other word for `bridge`.
   *
   * @throws EngineError `not-found`.
   */
  async resolve(name: string): Promise<Network> {
    if (isDefault(name)) return (await this.ensureDefaultBridge()).network;
    return describeNetwork((await this.#find(name)).conflist);
  }

  /** The default network, made on first use and brought up if it is down. */
  async ensureDefaultBridge(): Promise<BridgeNetwork> {
    const bridge = await this.#transitions.run(() => this.#own.standing(DEFAULT_NETWORK));
    await this.#lingerIfIdle(bridge);
    return bridge;
  }

  /**
   * Makes the network namespace in which a container's networks come together, and returns its path. Waits for the
   * container's detaching to end if it is still going on.
   */
  async createSandbox(containerId: string): Promise<string> {
    await this.#detaching.get(containerId)?.catch(() => undefined);
    return await createNetns(containerId);
  }

  /**
   * Puts a container's network namespace on a network and publishes its ports there. What an earlier life of the
   * container left on the network is removed first; after a failure, `detach` removes what was made.
   *
   * @throws EngineError `not-found`; `failed-precondition` if the host lacks a program or plugin; `conflict`,
   * `invalid-argument` or `resource-exhausted` for its address.
   */
  async attach(request: EndpointRequest, signal?: AbortSignal): Promise<EndpointState> {
    if (isDefault(request.network)) return await this.#attachToBridge({ ...request, network: DEFAULT_NETWORK });
    const { conflist, own } = await this.#find(request.network);
    if (own && isBridge(conflist)) return await this.#attachToBridge({ ...request, network: conflist.name });
    return await this.#pluginNetwork(conflist).attach(request, signal);
  }

  /** What an earlier `attach` of the request gave to the container, as its network remembers it; undefined if nothing. */
  async recall(
    request: Omit<EndpointRequest, "netnsPath" | "ports">,
  ): Promise<{ readonly endpoint: EndpointState; readonly ports: readonly PublishedPort[] } | undefined> {
    const name = isDefault(request.network) ? DEFAULT_NETWORK : request.network;
    const bridge = (await this.#own.bridges()).find(({ network }) => network.name === name || network.id === name);
    if (bridge === undefined) {
      const found = await this.#find(name).catch(() => undefined);
      return found && (await this.#pluginNetwork(found.conflist).recall(request.containerId));
    }
    const [lease] = await bridge.leases.list(request.containerId);
    return lease && { endpoint: bridge.describe(lease, request), ports: lease.ports };
  }

  /**
   * Takes a container off all its networks and removes its network namespace. May be called any number of times, also
   * when the namespace, the bridge or some rules are gone already.
   */
  async detach(request: DetachRequest): Promise<void> {
    const before = this.#detaching.get(request.containerId) ?? Promise.resolve();
    const detached = before.catch(() => undefined).then(() => this.#detach(request));
    this.#detaching.set(request.containerId, detached);
    try {
      await detached;
    } finally {
      if (this.#detaching.get(request.containerId) === detached) this.#detaching.delete(request.containerId);
    }
  }

  /**
   * Everything of this host's networks that containers of this wharf have, or have left behind. What is just being
   * detached is among it until it is gone.
   */
  async holdings(): Promise<NetworkHoldings> {
    const [bridges, sandboxes, attachments] = await Promise.all([
      this.#own.bridges(),
      listSandboxes(),
      this.#pluginAttachments(),
    ]);
    const leases = await Promise.all(
      bridges.map(async ({ network, leases }) =>
        (await leases.list()).map((lease) => ({ ...lease, networkName: network.name })),
      ),
    );
    return { addresses: leases.flat(), attachments, sandboxes };
  }

  /** Takes away whatever a container has of this host's networks, written down or not. It must not run. */
  async forget(containerId: string): Promise<void> {
    await this.detach({ containerId, netnsPath: netnsPathOf(containerId), endpoints: [] });
  }

  /** wharf's own bridge networks, up or down. */
  bridges(): Promise<BridgeNetwork[]> {
    return this.#own.bridges();
  }

  /** The bridges that are up though no container is on them, and that nothing is going to take down. */
  async idleBridges(): Promise<BridgeNetwork[]> {
    const idle: BridgeNetwork[] = [];
    for (const bridge of await this.#own.bridges()) {
      const lingers = this.#lingering.has(bridge.network.name);
      if (!lingers && (await bridge.leases.list()).length === 0 && (await bridge.isOwn())) idle.push(bridge);
    }
    return idle;
  }

  /** Takes a bridge down unless a container has come onto it. */
  async takeDownIfIdle(bridge: BridgeNetwork): Promise<void> {
    await this.#takeDownIfIdle(bridge);
  }

  /** Adds what the host lacks of the rules of a bridge that is up. */
  async restoreRules(bridge: BridgeNetwork): Promise<void> {
    await this.#transitions.run(async () => {
      if (await bridge.isOwn()) await this.#own.restoreRules(bridge);
    });
  }

  /** Settles when every container that is being detached now is off its networks. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#detaching.values());
  }

  /** Waits for what is being detached, and takes down the bridges on which no container is, now and not after a while. */
  async close(): Promise<void> {
    await this.settled();
    for (const bridge of await this.#own.bridges()) await this.#takeDownIfIdle(bridge);
  }

  async #detach({ containerId, netnsPath, endpoints }: DetachRequest): Promise<void> {
    const names = new Set([
      ...endpoints.map(({ networkName }) => networkName),
      ...(await this.#pluginNetworksOf(containerId)),
    ]);
    for (const name of names) {
      const found = await this.#find(name).catch(() => undefined);
      if (found === undefined || (found.own && isBridge(found.conflist))) continue;
      await this.#pluginNetwork(found.conflist).detach({ containerId, netnsPath });
    }
    if (netnsPath !== "") await deleteNetns(netnsPath);
    faultPoint("network.netns-deleted");
    for (const bridge of await this.#own.bridges()) {
      await bridge.release(containerId);
      await this.#lingerIfIdle(bridge);
    }
  }

  async #attachToBridge(request: EndpointRequest): Promise<EndpointState> {
    for (const bridge of await this.#own.bridges()) {
      if (bridge.network.name === request.network) await bridge.release(request.containerId);
    }
    const { bridge, lease } = await this.#transitions.run(async () => {
      const standing = await this.#own.standing(request.network);
      return { bridge: standing, lease: await standing.lease(request) };
    });
    faultPoint("network.address-leased");
    return await bridge.attach(lease, request);
  }

  async #lingerIfIdle(bridge: BridgeNetwork): Promise<void> {
    if ((await bridge.leases.list()).length > 0 || !(await bridge.stands())) return;
    clearTimeout(this.#lingering.get(bridge.network.name));
    const takeDown = () => void this.#takeDownIfIdle(bridge).catch(() => undefined);
    this.#lingering.set(bridge.network.name, setTimeout(takeDown, this.options.lingerMs ?? LINGER_MS).unref());
  }

  #takeDownIfIdle(bridge: BridgeNetwork): Promise<void> {
    clearTimeout(this.#lingering.get(bridge.network.name));
    this.#lingering.delete(bridge.network.name);
    return this.#transitions.run(async () => {
      if ((await bridge.leases.list()).length > 0 || !(await bridge.isOwn())) return;
      await this.#own.takeDown(bridge);
    });
  }

  /** Wharf's own networks come before others of the same name. */
  async #find(name: string): Promise<{ conflist: Conflist; own: boolean }> {
    const matches = (conflist: Conflist) => conflist.name === name || describeNetwork(conflist).id === name;
    const own = (await this.#own.conflists()).find(matches);
    if (own !== undefined) return { conflist: own, own: true };
    const foreign = (await readConflists(this.#configDir)).find(matches);
    if (foreign !== undefined) return { conflist: foreign, own: false };
    const [malformed] = await malformedConflists(this.#configDir);
    throw new EngineError("not-found", `network ${name} not found`, { hint: malformed?.message });
  }

  #pluginNetwork(conflist: Conflist): PluginNetwork {
    return new PluginNetwork(conflist, this.options.runRoot, this.options.cniPath);
  }

  /** The networks whose plugins were run for a container, whether or not that was written down elsewhere. */
  async #pluginNetworksOf(containerId: string): Promise<string[]> {
    const attachments = await this.#pluginAttachments();
    return attachments.filter((attachment) => attachment.containerId === containerId).map((each) => each.networkName);
  }

  async #pluginAttachments(): Promise<PluginAttachment[]> {
    const directory = join(this.options.runRoot, "cni");
    const names = await readdir(directory).catch(() => []);
    const attachments = await Promise.all(
      names.map(async (networkName) => {
        const ids = await readdir(join(directory, networkName)).catch(() => []);
        return ids.map((containerId) => ({ networkName, containerId }));
      }),
    );
    return attachments.flat();
  }
}

function isDefault(name: string): boolean {
  return name === DEFAULT_NETWORK || name === "default";
}
