import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { IpNetwork } from "../model/ip-network.ts";
import { BridgeNetwork } from "./bridge-network.ts";
import { type Conflist, describeNetwork, readConflists } from "./conflist.ts";
import type { Firewall } from "./firewall.ts";
import { interfaceExists } from "./netns.ts";
import { chooseSubnet, takenSubnets } from "./subnet-choice.ts";

/** The network that a container is on when its user names none. */
export const DEFAULT_NETWORK = "bridge";

/** Devices of bridges are numbered, since several wharfs of a host have a default network each. */
const MAX_BRIDGES = 4096;

export interface OwnNetworksOptions {
  readonly dataRoot: string;
  readonly runRoot: string;
  /** Where other programs keep their networks. */
  readonly configDir: string;
  readonly addressPools: readonly string[];
  readonly withHostLock: HostLock;
}

/** Runs a task while no other wharf of this host, of any data root, changes its bridges. */
export type HostLock = <T>(task: () => Promise<T>) => Promise<T>;

/** The bridge networks of this wharf: their configurations under `dataRoot`, their bridges, who is on them. */
export class OwnNetworks {
  readonly #directory: string;
  readonly #bridges = new Map<string, BridgeNetwork>();
  /** The bridges that this process has brought up, or found up and put in order. */
  readonly #inOrder = new WeakSet<BridgeNetwork>();

  constructor(
    private readonly options: OwnNetworksOptions,
    private readonly firewall: Firewall,
  ) {
    this.#directory = join(options.dataRoot, "networks");
  }

  /** All configurations, also those of other drivers. */
  conflists(): Promise<Conflist[]> {
    return readConflists(this.#directory);
  }

  /** The bridges of all configurations, up or down. */
  async bridges(): Promise<BridgeNetwork[]> {
    const conflists = await this.conflists();
    return conflists.filter(isBridge).map((conflist) => this.#open(conflist));
  }

  /**
   * A bridge that is up. The default network is made if it was never; if it is down and its subnet or device name has
   * been taken by something else of the host since, it gets another.
   */
  async standing(name: string): Promise<BridgeNetwork> {
    const known = this.#bridges.get(name);
    if (known !== undefined && this.#inOrder.has(known) && (await known.stands())) return known;
    return await this.options.withHostLock(async () => {
      const saved = (await this.conflists()).find((conflist) => conflist.name === name);
      const conflist = name === DEFAULT_NETWORK ? await this.#defaultConflist(saved) : saved;
      if (conflist === undefined) throw new EngineError("not-found", `network ${name} not found`);
      const bridge = this.#open(conflist);
      await bridge.bringUp();
      this.#inOrder.add(bridge);
      return bridge;
    });
  }

  /** Adds what is missing of a bridge's rules, under the host's lock. */
  restoreRules(bridge: BridgeNetwork): Promise<void> {
    return this.options.withHostLock(() => bridge.bringUp());
  }

  /** Takes a bridge down under the host's lock. */
  takeDown(bridge: BridgeNetwork): Promise<void> {
    return this.options.withHostLock(() => bridge.takeDown());
  }

  /** Keeps one object a network, since it remembers the addresses in use. */
  #open(conflist: Conflist): BridgeNetwork {
    const known = this.#bridges.get(conflist.name);
    const { subnet, bridge } = describeNetwork(conflist);
    if (known?.network.subnet === subnet && known.network.bridge === bridge) return known;
    const opened = new BridgeNetwork(conflist, this.options.runRoot, this.firewall);
    this.#bridges.set(conflist.name, opened);
    return opened;
  }

  async #defaultConflist(saved: Conflist | undefined): Promise<Conflist> {
    if (saved !== undefined) {
      const bridge = this.#open(saved);
      if ((await bridge.leases.list()).length > 0 || (await bridge.isOwn())) return saved;
    }
    const taken = await takenSubnets([this.options.configDir]);
    if (saved !== undefined) {
      const { bridge, subnet } = describeNetwork(saved);
      if (!(await interfaceExists(bridge)) && !taken.some((other) => other.overlaps(IpNetwork.parse(subnet))))
        return saved;
    }
    const conflist = bridgeConflist(
      DEFAULT_NETWORK,
      await freeBridgeName(),
      chooseSubnet(this.options.addressPools, taken),
    );
    await this.#save(conflist);
    return conflist;
  }

  async #save(conflist: Conflist): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${conflist.name}.conflist`);
    await writeFile(`${path}.new`, `${JSON.stringify(conflist, undefined, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

/** Whether wharf drives the network itself. */
export function isBridge({ plugins: [first] }: Conflist): boolean {
  return first.type === "bridge";
}

async function freeBridgeName(): Promise<string> {
  for (let index = 0; index < MAX_BRIDGES; index++) {
    if (!(await interfaceExists(`wharf${index}`))) return `wharf${index}`;
  }
  throw new EngineError("resource-exhausted", "no name is left for a bridge device");
}

/** A configuration that other CNI runtimes could use as well. */
function bridgeConflist(name: string, bridge: string, subnet: IpNetwork): Conflist {
  const ranges = [[{ subnet: subnet.toString(), gateway: subnet.at(1) }]];
  return {
    cniVersion: "1.0.0",
    name,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: "host-local", ranges, routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
    ],
  };
}
