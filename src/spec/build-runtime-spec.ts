import { capabilitySets, containerCapabilities } from "./capabilities.ts";
import { deviceNodes, deviceRules } from "./devices.ts";
import { buildEnvironment } from "./environment.ts";
import { buildMounts, rootfsPropagation, withInit } from "./mounts.ts";
import { buildNamespaces, buildSysctls } from "./namespaces.ts";
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from "./paths.ts";
import { processUser } from "./process-user.ts";
import { buildResources } from "./resources.ts";
import { buildRlimits } from "./rlimits.ts";
import type { LinuxSpec, ProcessSpec, RuntimeSpec, Seccomp } from "./runtime-spec.ts";
import { defaultSeccomp, parseSeccomp } from "./seccomp.ts";
import { parseSecurityOptions, type SecurityOptions } from "./security-options.ts";
import type { SpecInput } from "./spec-input.ts";
import { workingDirectory } from "./working-directory.ts";

/** The oldest version that has all of what is used here; every runc since 1.0 reads it. */
const OCI_VERSION = "1.0.2";

/**
 * The OCI runtime spec of a container, as docker would write it. Pure: what the host has to say is in the input.
 *
 * @throws EngineError `invalid-argument` for options that only their use shows to be malformed, as a capability that
 *   Linux does not know.
 */
export function buildRuntimeSpec(input: SpecInput): RuntimeSpec {
  const { config, hostConfig } = input.record;
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const capabilities = capabilitiesOf(input);
  return {
    ociVersion: OCI_VERSION,
    process: buildProcess(input, { security, capabilities }),
    // The shim mounts the snapshot here, in the bundle.
    root: { path: "rootfs", ...(hostConfig.ReadonlyRootfs && { readonly: true }) },
    ...(hostConfig.UTSMode !== "host" && { hostname: config.Hostname || input.hostname }),
    mounts: buildMounts(input),
    ...(hostConfig.Annotations && { annotations: hostConfig.Annotations }),
    linux: buildLinux(input, { security, capabilities }),
  };
}

interface Privileges {
  readonly security: SecurityOptions;
  readonly capabilities: readonly string[];
}

function capabilitiesOf({ record, host }: SpecInput): readonly string[] {
  const { Privileged, CapAdd, CapDrop } = record.hostConfig;
  return containerCapabilities(
    { privileged: Privileged, add: CapAdd ?? [], drop: CapDrop ?? [] },
    host.boundingCapabilities,
  );
}

function buildProcess(input: SpecInput, { security, capabilities }: Privileges): ProcessSpec {
  const { config, hostConfig, argv } = input.record;
  const [height, width] = hostConfig.ConsoleSize;
  const apparmor = apparmorProfile(input, security);
  return {
    ...(config.Tty && { terminal: true }),
    ...(config.Tty && (height > 0 || width > 0) && { consoleSize: { height, width } }),
    user: processUser(input.user),
    args: withInit(argv, hostConfig),
    env: buildEnvironment({
      hostname: config.Hostname || input.hostname,
      terminal: config.Tty,
      env: config.Env ?? [],
    }),
    cwd: workingDirectory(config.WorkingDir),
    capabilities: capabilitySets(capabilities),
    ...(hostConfig.Ulimits.length > 0 && { rlimits: buildRlimits(hostConfig.Ulimits, input.host) }),
    ...(security.noNewPrivileges && { noNewPrivileges: true }),
    ...(apparmor !== undefined && { apparmorProfile: apparmor }),
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

function buildLinux(input: SpecInput, privileges: Privileges): LinuxSpec {
  const { record, devices, blockDevices, host } = input;
  const { hostConfig } = record;
  const seccomp = seccompOf(input, privileges);
  const propagation = rootfsPropagation(record.mounts);
  const nodes = deviceNodes(devices);
  const rules = deviceRules({ privileged: hostConfig.Privileged, devices, rules: hostConfig.DeviceCgroupRules ?? [] });
  return {
    sysctl: buildSysctls(record),
    resources: { devices: rules, ...buildResources({ hostConfig, host, blockDevices }) },
    cgroupsPath: input.cgroupsPath,
    namespaces: buildNamespaces(input),
    ...(nodes.length > 0 && { devices: nodes }),
    ...(seccomp !== undefined && { seccomp }),
    ...hiddenPaths(input),
    ...(propagation !== undefined && { rootfsPropagation: propagation }),
  };
}

function hiddenPaths({ record, host }: SpecInput): Pick<LinuxSpec, "maskedPaths" | "readonlyPaths"> {
  const { Privileged, MaskedPaths, ReadonlyPaths } = record.hostConfig;
  if (Privileged) return {};
  const unmasked = MaskedPaths?.length === 0;
  const masked = unmasked ? [] : [...(MaskedPaths ?? DEFAULT_MASKED_PATHS), ...thermalPaths(host.cpuCount)];
  const readonly = ReadonlyPaths ?? DEFAULT_READONLY_PATHS;
  return {
    ...(masked.length > 0 && { maskedPaths: masked }),
    ...(readonly.length > 0 && { readonlyPaths: readonly }),
  };
}

/** Counters by which one container could watch what the others do; the runtime skips those that a host lacks. */
function thermalPaths(cpuCount: number): string[] {
  return Array.from({ length: cpuCount }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`);
}

function seccompOf({ record, host }: SpecInput, { security, capabilities }: Privileges): Seccomp | undefined {
  if (record.hostConfig.Privileged || security.seccomp === "unconfined" || !host.seccomp) return undefined;
  const scene = { host, capabilities };
  return ["", "builtin"].includes(security.seccomp) ? defaultSeccomp(scene) : parseSeccomp(security.seccomp, scene);
}

function apparmorProfile({ record, host }: SpecInput, { apparmor }: SecurityOptions): string | undefined {
  if (!host.apparmor) return undefined;
  if (apparmor !== "") return apparmor;
  return record.hostConfig.Privileged ? "unconfined" : host.defaultApparmorProfile;
}
