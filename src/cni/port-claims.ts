import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { EngineError } from "../errors.ts";
import type { PublishedPort } from "../model/container-record.ts";
import { isIpv4 } from "../model/ip-address.ts";

/** A port to publish, before it is known which port of the host it gets. */
export interface PortRequest {
  readonly protocol: PublishedPort["protocol"];
  readonly containerPort: number;
  /** `""` for all of the host's addresses. */
  readonly hostIp: string;
  /** Which ports of the host will do, first choice first; absent: any free one. */
  readonly hostPorts?: { readonly first: number; readonly last: number } | undefined;
}

interface Claim {
  readonly port: PublishedPort;
  /** Frees what keeps other programs of the host from taking the port. */
  readonly reservation: Reservation | undefined;
  /** Set once the claim is being given up: settles when the port can be had. */
  leaving: Promise<unknown> | undefined;
}

interface Reservation {
  close(): void;
}

const EVERY_ADDRESS = "0.0.0.0";
const DEFAULT_EPHEMERAL_RANGE = { first: 32_768, last: 60_999 };

/**
 * The ports of this host that published ports occupy. A claim holds a bound socket, so that no other program of the
 * host takes the port while packets to it go into a container, and so that a port which some program has is found
 * taken. Ports of one claimant that goes are waited for, not refused.
 */
export class PortClaims {
  readonly #claims = new Set<Claim>();
  #ephemeral: { readonly first: number; readonly last: number } | undefined;
  #next = 0;

  /**
   * Claims all the ports or none of them, and answers them in the order of the requests. Those that name a port get
   * theirs first, so that none is given away to one that takes any.
   *
   * @throws EngineError `conflict` if a port is taken, `invalid-argument` for an address that the host does not have,
   * `resource-exhausted` if no port of a range is free.
   */
  async claim(requests: readonly PortRequest[]): Promise<PublishedPort[]> {
    const claimed: PublishedPort[] = [];
    const ordered = [...requests.entries()].sort(([, a], [, b]) => choices(a) - choices(b));
    try {
      for (const [index, request] of ordered) claimed[index] = await this.#claimOne(request);
    } catch (error) {
      await this.release(Object.values(claimed));
      throw error;
    }
    return claimed;
  }

  /** Takes over the ports of a container that runs already. */
  async adopt(ports: readonly PublishedPort[]): Promise<void> {
    for (const port of ports) {
      const claim = this.#enter(port, undefined);
      // The rules stand and packets flow, whatever some program may have bound in the meantime.
      const reservation = await reserve(port).catch(() => undefined);
      this.#claims.delete(claim);
      this.#enter(port, reservation);
    }
  }

  /** The ports that are claimed, but for those that are being given up. */
  list(): PublishedPort[] {
    return [...this.#claims].filter(({ leaving }) => leaving === undefined).map(({ port }) => port);
  }

  /** Gives ports up once `withdrawn` has settled: when nothing leads from them into a container any more. */
  async release(ports: readonly PublishedPort[], withdrawn: Promise<unknown> = Promise.resolve()): Promise<void> {
    const leaving = [...this.#claims].filter(({ port }) => ports.some((other) => samePort(port, other)));
    const settled = withdrawn.catch(() => undefined);
    for (const claim of leaving) claim.leaving = settled;
    await settled;
    for (const claim of leaving) {
      claim.reservation?.close();
      this.#claims.delete(claim);
    }
  }

  async #claimOne(request: PortRequest): Promise<PublishedPort> {
    const hostIp = checkedHostIp(request.hostIp);
    const { protocol, containerPort, hostPorts } = request;
    if (hostPorts !== undefined && hostPorts.first === hostPorts.last) {
      return await this.#occupy({ protocol, containerPort, hostIp, hostPort: hostPorts.first });
    }
    for await (const hostPort of this.#candidates(hostPorts)) {
      const port = { protocol, containerPort, hostIp, hostPort };
      if (this.#holder(port) !== undefined) continue;
      const occupied = await this.#occupy(port).catch((error: unknown) => {
        if (error instanceof EngineError && error.code === "conflict") return undefined;
        throw error;
      });
      if (occupied !== undefined) return occupied;
    }
    throw new EngineError("resource-exhausted", "all ports are allocated");
  }

  /** A range from its start; the ephemeral ports from where the last search ended, so that a port rests after use. */
  async *#candidates(range: PortRequest["hostPorts"]): AsyncGenerator<number> {
    if (range !== undefined) {
      for (let port = range.first; port <= range.last; port++) yield port;
      return;
    }
    this.#ephemeral ??= await readEphemeralRange();
    const { first, last } = this.#ephemeral;
    const count = last - first + 1;
    for (let tries = 0; tries < count; tries++) yield first + (this.#next++ % count);
  }

  async #occupy(port: PublishedPort): Promise<PublishedPort> {
    let holder = this.#holder(port);
    while (holder?.leaving !== undefined) {
      await holder.leaving;
      // The one who gives it up comes first after the same promise, and takes the claim off the list.
      await Promise.resolve();
      holder = this.#holder(port);
    }
    if (holder !== undefined) {
      throw new EngineError("conflict", `Bind for ${port.hostIp}:${port.hostPort} failed: port is already allocated`);
    }
    // Entered before it is bound, so that two containers which start at once do not meet at the bind.
    const claim = this.#enter(port, undefined);
    try {
      const reservation = await reserve(port);
      this.#claims.delete(claim);
      this.#enter(port, reservation);
      return port;
    } catch (error) {
      this.#claims.delete(claim);
      throw error;
    }
  }

  #enter(port: PublishedPort, reservation: Reservation | undefined): Claim {
    const claim: Claim = { port, reservation, leaving: undefined };
    this.#claims.add(claim);
    return claim;
  }

  #holder(port: PublishedPort): Claim | undefined {
    return [...this.#claims].find((claim) => overlap(claim.port, port));
  }
}

/** How many ports would do. */
function choices({ hostPorts }: PortRequest): number {
  return hostPorts === undefined ? Number.MAX_SAFE_INTEGER : hostPorts.last - hostPorts.first;
}

function overlap(one: PublishedPort, other: PublishedPort): boolean {
  if (one.protocol !== other.protocol || one.hostPort !== other.hostPort) return false;
  return one.hostIp === other.hostIp || one.hostIp === EVERY_ADDRESS || other.hostIp === EVERY_ADDRESS;
}

function samePort(one: PublishedPort, other: PublishedPort): boolean {
  return one.protocol === other.protocol && one.hostIp === other.hostIp && one.hostPort === other.hostPort;
}

/** Networks of wharf's own are IPv4 alone, so a port on an IPv6 address would lead nowhere. */
function checkedHostIp(hostIp: string): string {
  if (hostIp === "") return EVERY_ADDRESS;
  if (isIpv4(hostIp)) return hostIp;
  throw new EngineError("invalid-argument", `cannot publish on ${hostIp}: the network has no IPv6 addresses`, {
    hint: "publish on an IPv4 address of this host",
  });
}

/** Binds the port. Packets to it are led into the container before any socket of the host could see them. */
async function reserve(port: PublishedPort): Promise<Reservation | undefined> {
  if (port.protocol === "sctp") return undefined;
  try {
    return await (port.protocol === "tcp" ? reserveTcp(port) : reserveUdp(port));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = `failed to bind host port ${port.hostIp}:${port.hostPort}/${port.protocol}`;
    if (code === "EADDRINUSE") {
      throw new EngineError("conflict", `${what}: address already in use`, { cause: error });
    }
    if (code === "EADDRNOTAVAIL") {
      throw new EngineError("invalid-argument", `${what}: cannot assign requested address`, { cause: error });
    }
    throw new EngineError("internal", `${what}: ${(error as Error).message}`, { cause: error });
  }
}

function reserveTcp({ hostIp, hostPort }: PublishedPort): Promise<Reservation> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ host: hostIp, port: hostPort, exclusive: true }, () => resolve(server.unref()));
  });
}

function reserveUdp({ hostIp, hostPort }: PublishedPort): Promise<Reservation> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind({ address: hostIp, port: hostPort, exclusive: true }, () => resolve(socket.unref()));
  });
}

async function readEphemeralRange(): Promise<{ first: number; last: number }> {
  const text = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  const [first, last] = text.trim().split(/\s+/).map(Number);
  return first !== undefined && last !== undefined && first < last ? { first, last } : DEFAULT_EPHEMERAL_RANGE;
}
