import { EngineError } from "../../errors.ts";
import { parseByteSize } from "../../model/byte-size.ts";
import type { CreateBody, HostConfig } from "../../model/container-config.ts";
import { isIpv4, isIpv6 } from "../../model/ip-address.ts";
import { isAbsolutePath } from "../../model/path.ts";
import { parsePortKey } from "../../model/port-spec.ts";
import { checkRestartPolicy } from "../../model/restart-policy.ts";
import { parseSignal } from "../../model/signal.ts";
import { checkHealth } from "../../spec/check-health.ts";
import { checkSecurity } from "../../spec/check-security.ts";
import type { HostFacts } from "../../spec/host-facts.ts";
import { hostWarnings } from "../../spec/host-warnings.ts";
import { checkResources } from "./check-resources.ts";
import { networkNameOf } from "./views.ts";

/** Options of docker's json-file driver; `none` has none. */
const LOG_OPTIONS = ["max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode"];
const LONGEST_OOM_SCORE = 1000;

/**
 * Refuses what docker's daemon refuses before it makes a container, in its words; returns what it warns of.
 *
 * @throws EngineError `invalid-argument`.
 */
export function checkCreateBody(body: CreateBody, host: HostFacts): string[] {
  const { HostConfig: hostConfig } = body;
  checkConfig(body);
  checkModes(hostConfig);
  checkSharing(body);
  checkEndpoints(body);
  checkLogging(hostConfig);
  checkResources(hostConfig, host);
  checkRestartPolicy(hostConfig.RestartPolicy);
  const policy = hostConfig.RestartPolicy.Name;
  if (hostConfig.AutoRemove && policy !== "" && policy !== "no") {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  checkSecurity(hostConfig, host);
  checkHealth(body.Healthcheck);
  for (const key of Object.keys(hostConfig.PortBindings)) parsePortKey(key);
  return hostWarnings(hostConfig, host);
}

function checkConfig(config: CreateBody): void {
  if (config.Image === "") throw invalid("config cannot be empty in order to create a container");
  if (config.WorkingDir !== "" && !isAbsolutePath(config.WorkingDir)) {
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  const malformed = (config.Env ?? []).find((variable) => variable.startsWith("="));
  if (malformed !== undefined) throw invalid(`invalid environment variable: ${malformed}`);
  if (config.StopSignal) parseSignal(config.StopSignal);
  if (Object.hasOwn(config.HostConfig.Annotations ?? {}, "")) {
    throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
  }
}

function checkModes({ NetworkMode, IpcMode, PidMode, UTSMode, OomScoreAdj, Isolation }: HostConfig): void {
  if (/^container:?$/.test(NetworkMode)) {
    throw invalid("invalid network mode: invalid container format container:<name|id>");
  }
  if (!/^(|none|private|shareable|host|container:.+)$/.test(IpcMode)) throw invalid(`invalid IPC mode: ${IpcMode}`);
  if (!/^(|host|container:.+)$/.test(PidMode)) throw invalid(`invalid PID mode: ${PidMode}`);
  if (!/^(|host)$/.test(UTSMode)) throw invalid(`invalid UTS mode: ${UTSMode}`);
  if (Math.abs(OomScoreAdj) > LONGEST_OOM_SCORE) {
    throw invalid(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  if (Isolation !== "" && Isolation !== "default") {
    throw invalid(`invalid isolation (${Isolation}): linux only supports 'default'`);
  }
}

/** Whoever lives in another's namespace has no say in what it looks like. */
function checkSharing({ Hostname, ExposedPorts, HostConfig: hostConfig }: CreateBody): void {
  const refuse = (first: string, second: string) => invalid(`conflicting options: ${first} and the ${second}`);
  if (Hostname !== "" && hostConfig.UTSMode === "host") throw refuse("hostname", "UTS mode");
  if (!hostConfig.NetworkMode.startsWith("container:")) return;
  if (Hostname !== "") throw refuse("hostname", "network mode");
  if ((hostConfig.Links ?? []).length > 0)
    throw refuse("container type network can't be used with links", "network mode");
  if (hostConfig.Dns.length > 0) throw refuse("dns", "network mode");
  if ((hostConfig.ExtraHosts ?? []).length > 0) throw refuse("custom host-to-IP mapping", "network mode");
  if (Object.keys(hostConfig.PortBindings).length > 0 || hostConfig.PublishAllPorts) {
    throw refuse("port publishing", "container type network mode");
  }
  if (Object.keys(ExposedPorts ?? {}).length > 0) throw refuse("port exposing", "container type network mode");
}

function checkLogging({ LogConfig: { Type: driver, Config: options } }: HostConfig): void {
  if (!["", "json-file", "none"].includes(driver)) {
    throw invalid(`error looking up logging plugin ${driver}: plugin "${driver}" not found`);
  }
  if (driver === "none") return;
  const unknown = Object.keys(options ?? {}).find((option) => !LOG_OPTIONS.includes(option));
  if (unknown !== undefined) throw invalid(`unknown log opt '${unknown}' for json-file log driver`);
  const maxSize = options?.["max-size"] ?? "-1";
  if (maxSize !== "-1") parseByteSize(maxSize);
  const maxFile = Number(options?.["max-file"] ?? 1);
  if (!Number.isInteger(maxFile)) throw invalid(`max-file is no integer: ${options?.["max-file"]}`);
  if (maxFile < 1) throw invalid("failed to initialize logging driver: max-file cannot be less than 1");
}

/** An address can be chosen on a network that somebody chose the addresses of, and so not on the default one. */
function checkEndpoints({ NetworkingConfig, HostConfig: { NetworkMode } }: CreateBody): void {
  const networkless = NetworkMode === "none" || NetworkMode === "host" || NetworkMode.startsWith("container:");
  if (networkless && Object.keys(NetworkingConfig.EndpointsConfig).length > 1) {
    throw invalid(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  for (const [network, { IPAMConfig: ipam }] of Object.entries(NetworkingConfig.EndpointsConfig)) {
    const refuse = (reason: string) => invalid(`invalid endpoint settings: ${reason}`);
    if (ipam?.IPv4Address && !isIpv4(ipam.IPv4Address)) throw refuse(`invalid IPv4 address: ${ipam.IPv4Address}`);
    if (ipam?.IPv6Address && !isIpv6(ipam.IPv6Address)) throw refuse(`invalid IPv6 address: ${ipam.IPv6Address}`);
    const userDefined = !networkless && networkNameOf(network) !== "bridge";
    if (!userDefined && (ipam?.IPv4Address || ipam?.IPv6Address)) {
      throw refuse("user specified IP address is supported on user defined networks only");
    }
  }
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
