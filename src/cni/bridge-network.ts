import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isEngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { EndpointState } from "../model/container-record.ts";
import { IpNetwork, macAddressOf } from "../model/ip-network.ts";
import { type AddressLease, AddressLeases } from "./address-leases.ts";
import { type Conflist, describeNetwork } from "./conflist.ts";
import type { EndpointRequest } from "./endpoint-request.ts";
import type { Firewall } from "./firewall.ts";
import { JUMPS, networkRules, publishedTo, publishRule, type Rule } from "./firewall-rules.ts";
import { configureNetns, interfaceExists } from "./netns.ts";
import type { Network } from "./network.ts";
import { runTool, runToolOrThrow, toolFailure } from "./tool.ts";

/** How long the kernel may take to clear away the interfaces of a network namespace that has ended. */
const VANISH_DEADLINE_MS = 2_000;

/**
 * A network of wharf's own: a bridge device with the containers on it. Its configuration is a CNI conflist that any CNI
 * runtime could use, but wharf lays the cables itself: two runs of `ip` and one iptables transaction take a third of
 * the time that the bridge, portmap and firewall plugins take, and what they made can be taken down without the
 * network namespace that they were made for.
 */
export class BridgeNetwork {
  readonly network: Network;
  readonly leases: AddressLeases;
  readonly #subnet: IpNetwork;
  /** Host interfaces of the leases whose ports are being published or withdrawn right now. */
  readonly #unsettled = new Set<string>();

  constructor(
    conflist: Conflist,
    runRoot: string,
    private readonly firewall: Firewall,
  ) {
    this.network = describeNetwork(conflist);
    this.#subnet = IpNetwork.parse(this.network.subnet);
    const { name, gateway } = this.network;
    this.leases = new AddressLeases(join(runRoot, "ipam", name), { name, subnet: this.#subnet, gateway });
  }

  /** Whether the bridge is there. */
  stands(): Promise<boolean> {
    return interfaceExists(this.network.bridge);
  }

  /** Whether the bridge is there and has this network's address, and is not another's of the same name. */
  async isOwn(): Promise<boolean> {
    if (!(await this.stands())) return false;
    const { stdout } = await runTool("ip", ["-4", "-brief", "address", "show", "dev", this.network.bridge]);
    return stdout.split(/\s+/).includes(`${this.network.gateway}/${this.#subnet.prefixLength}`);
  }

  /** Makes the bridge and its rules, or repairs what is left of them. */
  async bringUp(): Promise<void> {
    const { bridge, gateway } = this.network;
    if (!(await this.stands())) {
      await ipBatch([
        // An address of its own: a bridge without one takes that of a port, and changes it when the port goes.
        `link add ${bridge} address ${macAddressOf(gateway)} type bridge`,
        `address add ${gateway}/${this.#subnet.prefixLength} broadcast + dev ${bridge}`,
        `link set ${bridge} up`,
      ]);
    }
    faultPoint("network.bridge-made");
    await Promise.all([
      setSysctl("net/ipv4/ip_forward", "1"),
      setSysctl(`net/ipv4/conf/${bridge}/route_localnet`, "1"),
      this.firewall.ensure(this.#rules(), () => this.#settledRules()),
    ]);
  }

  /** Removes the bridge and its rules. No container may be on it. */
  async takeDown(): Promise<void> {
    await this.firewall.dismantle(this.#rules());
    faultPoint("network.bridge-dismantled");
    if (await this.stands()) await deleteLink(this.network.bridge);
  }

  /** Reserves an address for a container and records what will be made for it. */
  async lease({ containerId, interfaceName = "eth0", ipAddress, ports }: EndpointRequest): Promise<AddressLease> {
    const hostInterface = `veth${containerId.slice(0, 10)}${interfaceName.slice(-1)}`;
    this.#unsettled.add(hostInterface);
    try {
      return await this.leases.take({ containerId, hostInterface, ports }, ipAddress);
    } catch (error) {
      this.#unsettled.delete(hostInterface);
      throw error;
    }
  }

  /** Lays the cable for a lease and publishes its ports. On failure `release` removes what there is of it. */
  async attach(lease: AddressLease, request: EndpointRequest): Promise<EndpointState> {
    const { interfaceName, macAddress } = wiringOf(lease, request);
    const wired = this.#wire(lease, { netnsPath: request.netnsPath, interfaceName, macAddress });
    // Both are awaited to their end, so that nothing is still being made when a failure is undone.
    const results = await Promise.allSettled([wired, this.#publish(lease)]);
    for (const result of results) if (result.status === "rejected") throw result.reason;
    return this.describe(lease, request);
  }

  /** What the container of a lease that was made for the request has on this network. */
  describe(lease: AddressLease, request: Pick<EndpointRequest, "interfaceName" | "macAddress">): EndpointState {
    return {
      networkName: this.network.name,
      networkId: this.network.id,
      ipAddress: lease.ipAddress,
      prefixLength: this.#subnet.prefixLength,
      gateway: this.network.gateway,
      ...wiringOf(lease, request),
      ipv6Address: "",
      ipv6PrefixLength: 0,
      ipv6Gateway: "",
    };
  }

  /**
   * Withdraws a container's ports, waits until its cable is gone, and frees its address. The cable goes with the
   * container's network namespace, which costs the kernel far less than removing it first; one whose namespace
   * somebody else keeps alive is cut.
   */
  async release(containerId: string): Promise<void> {
    for (const lease of await this.leases.list(containerId)) {
      // From here on nobody who puts the firewall in order brings the rules back.
      this.#unsettled.add(lease.hostInterface);
      await this.firewall.remove(publishRules(lease));
      faultPoint("network.rules-removed");
      if (!(await vanishes(lease.hostInterface))) await deleteLink(lease.hostInterface);
      await forgetUdpFlows(lease);
      faultPoint("network.cable-cut");
      await this.leases.release(lease);
      this.#unsettled.delete(lease.hostInterface);
    }
  }

  /** Which of the network's rules this host lacks, and what the host does with packets that no rule decides on. */
  async missingRules(): Promise<{ readonly missing: readonly Rule[]; readonly forwardPolicy: string }> {
    const { inward, outward } = this.#rules();
    const present = await this.firewall.inspect();
    const published = await this.#settledRules();
    const missing = [...JUMPS, ...inward, ...outward, ...published].filter((rule) => !present.has(rule));
    return { missing, forwardPolicy: present.forwardPolicy };
  }

  /** Rules that lead a port of the host to an address of this network whose container has not published it. */
  async strayRules(): Promise<Rule[]> {
    // Read before the leases, and not after: a rule stands only while its lease does.
    const { rules } = await this.firewall.inspect();
    const leased = new Set((await this.leases.list()).flatMap(publishRules).map(({ match }) => match));
    return rules.filter((rule) => {
      const address = publishedTo(rule);
      return address !== undefined && this.#subnet.contains(address) && !leased.has(rule.match);
    });
  }

  /** Removes rules of this network that nobody else will remove. */
  async dropRules(rules: readonly Rule[]): Promise<void> {
    await this.firewall.remove(rules);
  }

  /** The rules of all published ports, but for those that are just coming or going. */
  async #settledRules(): Promise<Rule[]> {
    // One that was going when the list was begun may be gone, and forgotten, before it is read.
    const unsettled = new Set(this.#unsettled);
    const leases = await this.leases.list();
    for (const hostInterface of this.#unsettled) unsettled.add(hostInterface);
    return leases.filter(({ hostInterface }) => !unsettled.has(hostInterface)).flatMap(publishRules);
  }

  #rules() {
    return networkRules(this.network.bridge, this.#subnet.toString());
  }

  async #wire(
    { hostInterface, ipAddress }: AddressLease,
    { netnsPath, interfaceName, macAddress }: { netnsPath: string; interfaceName: string; macAddress: string },
  ): Promise<void> {
    const { bridge, gateway } = this.network;
    const plug = [
      `link add ${hostInterface} master ${bridge} up type veth` +
        ` peer name ${interfaceName} address ${macAddress} netns ${netnsNameOf(netnsPath)}`,
      // Where bridged packets pass iptables, a container that speaks to its own published port gets its packet back.
      `link set ${hostInterface} type bridge_slave hairpin on`,
    ];
    try {
      await ipBatch(plug);
    } catch (error) {
      if (!(await interfaceExists(hostInterface))) throw error;
      await deleteLink(hostInterface);
      await ipBatch(plug);
    }
    faultPoint("network.cable-laid");
    await configureNetns(netnsPath, [
      "link set lo up",
      `address add ${ipAddress}/${this.#subnet.prefixLength} broadcast + dev ${interfaceName}`,
      `link set ${interfaceName} addrgenmode none`,
      `link set ${interfaceName} up`,
      // A container on several networks leaves through the first.
      ...(interfaceName === "eth0" ? [`route add default via ${gateway}`] : []),
    ]);
  }

  /** Adds the rules of a lease's ports; if wharf's chains are gone, a reloaded firewall took them and all is remade. */
  async #publish(lease: AddressLease): Promise<void> {
    try {
      await this.firewall.append(publishRules(lease));
      faultPoint("network.rules-added");
      this.#unsettled.delete(lease.hostInterface);
    } catch (error) {
      if (!isEngineError(error, "internal")) throw error;
      this.#unsettled.delete(lease.hostInterface);
      await this.firewall.ensure(this.#rules(), () => this.#settledRules());
    }
    await forgetUdpFlows(lease);
  }
}

function wiringOf(
  { ipAddress }: AddressLease,
  {
    interfaceName = "eth0",
    macAddress = macAddressOf(ipAddress),
  }: Pick<EndpointRequest, "interfaceName" | "macAddress">,
) {
  return { interfaceName, macAddress };
}

function publishRules({ containerId, ipAddress, ports }: AddressLease): Rule[] {
  return ports.map((port) => publishRule(containerId, ipAddress, port));
}

function netnsNameOf(netnsPath: string): string {
  return netnsPath.slice(netnsPath.lastIndexOf("/") + 1);
}

async function ipBatch(commands: readonly string[]): Promise<void> {
  await runToolOrThrow("ip", ["-batch", "-"], { stdin: `${commands.join("\n")}\n` });
}

async function deleteLink(name: string): Promise<void> {
  const { exitCode, stderr } = await runTool("ip", ["link", "delete", name]);
  if (exitCode !== 0 && (await interfaceExists(name))) throw toolFailure("ip", stderr);
}

async function vanishes(name: string): Promise<boolean> {
  const deadline = performance.now() + VANISH_DEADLINE_MS;
  while (await interfaceExists(name)) {
    if (performance.now() > deadline) return false;
    await delay(5);
  }
  return true;
}

/**
 * A UDP flow from before a port was published, or to the container that had it before, would go on past the new rule
 * for as long as its client sends. Hosts without the `conntrack` tool have to wait for it to expire.
 */
async function forgetUdpFlows({ ports }: AddressLease): Promise<void> {
  for (const { protocol, hostPort } of ports) {
    if (protocol !== "udp") continue;
    try {
      // It fails when there was none.
      await runTool("conntrack", ["-D", "-p", "udp", "--dport", String(hostPort)]);
    } catch (error) {
      if (!isEngineError(error, "failed-precondition")) throw error;
      return;
    }
  }
}

/** Sets a kernel setting unless it has the value, since the file may be read-only where the host has set it already. */
async function setSysctl(name: string, value: string): Promise<void> {
  const path = join("/proc/sys", name);
  if ((await readFile(path, "utf8")).trim() !== value) await writeFile(path, value);
}
