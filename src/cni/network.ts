/** A network that containers can join, as its configuration file describes it. */
export interface Network {
  readonly name: string;
  /** 64 hex digits, derived from the name, as nerdctl's. */
  readonly id: string;
  /** The type of its first plugin: `bridge`, `macvlan` … */
  readonly driver: string;
  /** CIDR of its IPv4 addresses; `""` if only its IPAM plugin knows. */
  readonly subnet: string;
  /** `""` if it has none. */
  readonly gateway: string;
  /** The bridge device; `""` for other drivers. */
  readonly bridge: string;
}
