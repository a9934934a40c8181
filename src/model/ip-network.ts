import { EngineError } from "../errors.ts";

/** An IPv4 network such as `10.4.0.0/24`. Addresses are text outside and unsigned 32-bit numbers inside. */
export class IpNetwork {
  private constructor(
    private readonly base: number,
    readonly prefixLength: number,
  ) {}

  /**
   * Reads CIDR notation; host bits are dropped, and an address alone is a network of one.
   *
   * @throws EngineError `invalid-argument` for anything but IPv4.
   */
  static parse(text: string): IpNetwork {
    const [address = "", length = "32"] = text.split("/");
    const prefixLength = /^\d{1,2}$/.test(length) ? Number(length) : Number.NaN;
    const bits = parseAddress(address);
    if (bits === undefined || !(prefixLength <= 32)) {
      throw new EngineError("invalid-argument", `invalid IPv4 network: ${text}`);
    }
    return new IpNetwork(mask(bits, prefixLength), prefixLength);
  }

  /** How many addresses it has, the unusable first and last among them. */
  get size(): number {
    return 2 ** (32 - this.prefixLength);
  }

  contains(address: string): boolean {
    const bits = parseAddress(address);
    return bits !== undefined && mask(bits, this.prefixLength) === this.base;
  }

  overlaps(other: IpNetwork): boolean {
    const prefixLength = Math.min(this.prefixLength, other.prefixLength);
    return mask(this.base, prefixLength) === mask(other.base, prefixLength);
  }

  /** The address `index` behind the network's own; 1 is the usual gateway. */
  at(index: number): string {
    return formatAddress(this.base + index);
  }

  /** Where an address of this network lies in it: the inverse of `at`. */
  indexOf(address: string): number {
    return (parseAddress(address) ?? this.base) - this.base;
  }

  /** This network cut into networks of `prefixLength`. */
  *split(prefixLength: number): Generator<IpNetwork> {
    const step = 2 ** (32 - prefixLength);
    for (let base = this.base; base < this.base + this.size; base += step) yield new IpNetwork(base, prefixLength);
  }

  toString(): string {
    return `${formatAddress(this.base)}/${this.prefixLength}`;
  }
}

/** A MAC address that follows from an IPv4 address, so that neighbours' caches stay right when the address is reused. */
export function macAddressOf(ipAddress: string): string {
  const octets = ipAddress.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return `02:42:${octets.join(":")}`;
}

function parseAddress(text: string): number | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (octets === undefined || octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((bits, octet) => bits * 256 + octet, 0);
}

function formatAddress(bits: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
}

function mask(bits: number, prefixLength: number): number {
  const step = 2 ** (32 - prefixLength);
  return Math.floor(bits / step) * step;
}
