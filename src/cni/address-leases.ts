import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import type { PublishedPort } from "../model/container-record.ts";
import type { IpNetwork } from "../model/ip-network.ts";
import { asObject } from "../model/json-object.ts";

/** An address in use, and all that was made for it, so that whoever finds it later can take it down. */
export interface AddressLease {
  readonly containerId: string;
  readonly ipAddress: string;
  /** The host's end of the container's cable. */
  readonly hostInterface: string;
  readonly ports: readonly PublishedPort[];
}

/**
 * The addresses of one network that containers hold, a file each, named by the address. The files lie on a tmpfs: after
 * a reboot every address is free again. Only one process writes them; they are its memory for the next one.
 */
export class AddressLeases {
  readonly #byAddress = new Map<string, AddressLease>();
  #loaded: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly network: { readonly name: string; readonly subnet: IpNetwork; readonly gateway: string },
  ) {}

  /** All leases, or those of one container. */
  async list(containerId?: string): Promise<AddressLease[]> {
    await this.#load();
    const leases = [...this.#byAddress.values()];
    return containerId === undefined ? leases : leases.filter((lease) => lease.containerId === containerId);
  }

  /**
   * Leases the asked address, or the lowest that is free.
   *
   * @throws EngineError `invalid-argument` for an address outside the network, `conflict` for one in use,
   * `resource-exhausted` when none is left.
   */
  async take(lease: Omit<AddressLease, "ipAddress">, wanted: string | undefined): Promise<AddressLease> {
    await this.#load();
    const ipAddress = wanted === undefined ? this.#lowestFree() : this.#checked(wanted);
    const taken = { ...lease, ipAddress };
    this.#byAddress.set(ipAddress, taken);
    try {
      await writeFile(join(this.directory, ipAddress), JSON.stringify(taken), { mode: 0o600 });
    } catch (error) {
      // A full disk leaves an empty file, which would keep the address for ever.
      await this.release(taken);
      throw error;
    }
    return taken;
  }

  async release({ ipAddress }: AddressLease): Promise<void> {
    await rm(join(this.directory, ipAddress), { force: true });
    faultPoint("network.address-freed");
    this.#byAddress.delete(ipAddress);
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#read();
    return this.#loaded;
  }

  async #read(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.directory)) {
      const path = join(this.directory, name);
      const lease = parseLease(await readFile(path, "utf8"), name);
      if (lease === undefined) await rm(path);
      else this.#byAddress.set(name, lease);
    }
  }

  #lowestFree(): string {
    const { name, subnet, gateway } = this.network;
    for (let index = 1; index < subnet.size - 1; index++) {
      const address = subnet.at(index);
      if (address !== gateway && !this.#byAddress.has(address)) return address;
    }
    throw new EngineError("resource-exhausted", `no available IPv4 addresses in ${subnet} of network ${name}`, {
      hint: "a container that is stopped or removed gives its address back",
    });
  }

  #checked(address: string): string {
    const { subnet, gateway } = this.network;
    const index = subnet.indexOf(address);
    if (!subnet.contains(address) || index === 0 || index === subnet.size - 1) {
      throw new EngineError("invalid-argument", `no configured subnet contains IP address ${address}`, {
        hint: `the network's subnet is ${subnet}`,
      });
    }
    if (address === gateway || this.#byAddress.has(address)) {
      throw new EngineError("conflict", `address already in use: ${address}`);
    }
    return address;
  }
}

/** `undefined` for a file whose writer died in the middle: nothing had been made for it yet. */
function parseLease(text: string, ipAddress: string): AddressLease | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { containerId, hostInterface, ports } = asObject(value);
  if (typeof containerId !== "string" || typeof hostInterface !== "string" || !Array.isArray(ports)) return undefined;
  return { containerId, ipAddress, hostInterface, ports: ports as PublishedPort[] };
}
