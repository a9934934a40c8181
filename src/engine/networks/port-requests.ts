import type { PortRequest } from "../../cni/port-claims.ts";
import { EngineError } from "../../errors.ts";
import type { ContainerConfig, HostConfig, PortBinding } from "../../model/container-config.ts";
import { parsePortRange } from "../../model/port-spec.ts";

type PublishSettings = Pick<HostConfig, "PortBindings" | "PublishAllPorts"> & Pick<ContainerConfig, "ExposedPorts">;

/**
 * What a container wants published: `PortBindings`, and with `PublishAllPorts` every exposed port that has none. Those
 * that name a port of the host come first, so that none of them is given away to one which takes any.
 *
 * @throws EngineError `invalid-argument` for a malformed port.
 */
export function portRequests({ PortBindings, PublishAllPorts, ExposedPorts = {} }: PublishSettings): PortRequest[] {
  const exposed = PublishAllPorts ? Object.keys(ExposedPorts).filter((port) => PortBindings[port] === undefined) : [];
  const requests = [
    ...Object.entries(PortBindings).flatMap(([port, bindings]) =>
      bindings.map((binding) => portRequest(port, binding)),
    ),
    ...exposed.map((port) => portRequest(port, { HostIp: "", HostPort: "" })),
  ];
  return requests.sort((a, b) => choices(a) - choices(b) || a.containerPort - b.containerPort);
}

function portRequest(port: string, { HostIp, HostPort }: PortBinding): PortRequest {
  const [number = "", protocol = "tcp"] = port.split("/");
  const containerPort = Number(number);
  if (!/^\d+$/.test(number) || containerPort > 65_535) throw invalid(`invalid port specification: "${port}"`);
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") throw invalid(`invalid proto: ${protocol}`);
  const request = { protocol, containerPort, hostIp: HostIp } as const;
  if (HostPort === "" || HostPort === "0") return request;
  const range = parsePortRange(HostPort);
  if (range === undefined) throw invalid(`invalid port specification: "${HostPort}"`);
  return { ...request, hostPorts: { first: range.start, last: range.end } };
}

function choices({ hostPorts }: PortRequest): number {
  return hostPorts === undefined ? Number.MAX_SAFE_INTEGER : hostPorts.last - hostPorts.first;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
