import { EngineError } from "../errors.ts";
import type { HostConfig } from "../model/container-config.ts";
import { containerCapabilities } from "./capabilities.ts";
import type { HostFacts } from "./host-facts.ts";
import { parseSeccomp } from "./seccomp.ts";
import { parseSecurityOptions } from "./security-options.ts";

/**
 * Refuses security options, and devices of device drivers, that are malformed or that this host does not have.
 *
 * @throws EngineError `invalid-argument`; `failed-precondition` for `--init` on a host that has none.
 */
export function checkSecurity(hostConfig: HostConfig, host: HostFacts): void {
  const options = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const request = {
    privileged: hostConfig.Privileged,
    add: hostConfig.CapAdd ?? [],
    drop: hostConfig.CapDrop ?? [],
  };
  const capabilities = containerCapabilities(request, host.boundingCapabilities);
  if (!["", "builtin", "unconfined"].includes(options.seccomp)) parseSeccomp(options.seccomp, { host, capabilities });
  const cdi = (hostConfig.DeviceRequests ?? []).find(({ Driver }) => Driver === "cdi");
  if (cdi !== undefined) {
    const devices = Array.isArray(cdi.DeviceIDs) ? cdi.DeviceIDs.join(", ") : "";
    throw invalid(`CDI device injection failed: unresolvable CDI devices ${devices}`);
  }
  if (hostConfig.Init && host.initBinary === undefined) {
    throw new EngineError("failed-precondition", "--init: this host has no docker-init or tini-static", {
      hint: "the package tini has it",
    });
  }
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
