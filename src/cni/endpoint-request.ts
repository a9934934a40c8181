import type { PublishedPort } from "../model/container-record.ts";

/** What a container wants of one network. */
export interface EndpointRequest {
  readonly containerId: string;
  readonly netnsPath: string;
  /** The network's name. */
  readonly network: string;
  /** The container's end; `eth0` unless it is on several networks. */
  readonly interfaceName?: string | undefined;
  readonly ipAddress?: string | undefined;
  readonly macAddress?: string | undefined;
  readonly ports: readonly PublishedPort[];
}
