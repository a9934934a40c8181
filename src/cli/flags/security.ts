import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { HostConfig } from "../../model/container-config.ts";
import { isCdiDevice, parseDevice, parseDeviceCgroupRule } from "../../model/device-mapping.ts";
import { parseGpus } from "../../model/gpu-request.ts";
import { Flags } from "../parameters.ts";
import { readUserFile, systemMessage } from "./key-value-files.ts";

/** What a container may do to its host. */
export const securityFlags = {
  privileged: Flags.boolean({ summary: "Give extended privileges to this container" }),
  "cap-add": Flags.string({ multiple: true, helpValue: "list", summary: "Add Linux capabilities" }),
  "cap-drop": Flags.string({ multiple: true, helpValue: "list", summary: "Drop Linux capabilities" }),
  "security-opt": Flags.string({ multiple: true, helpValue: "list", summary: "Security Options" }),
  device: Flags.string({ multiple: true, helpValue: "list", summary: "Add a host device to the container" }),
  "device-cgroup-rule": Flags.of(parseDeviceCgroupRule)({
    multiple: true,
    helpValue: "list",
    summary: "Add a rule to the cgroup allowed devices list",
  }),
  gpus: Flags.of(parseGpus)({
    multiple: true,
    helpValue: "gpu-request",
    summary: "GPU devices to add to the container ('all' to pass all GPUs)",
  }),
};

/** Privileges and devices, as the API has them. */
export function securityBody(flags: InferredFlags<typeof securityFlags>): Partial<HostConfig> {
  const devices = flags.device ?? [];
  const cdiDevices = devices.filter(isCdiDevice);
  const requests = [
    ...(flags.gpus ?? []),
    ...(cdiDevices.length > 0 ? [{ Driver: "cdi", DeviceIDs: cdiDevices }] : []),
  ];
  return {
    Privileged: flags.privileged,
    CapAdd: normalCapabilities(flags["cap-add"]),
    CapDrop: normalCapabilities(flags["cap-drop"]),
    Devices: devices.filter((device) => !isCdiDevice(device)).map(parseDevice),
    DeviceCgroupRules: flags["device-cgroup-rule"] ?? null,
    DeviceRequests: requests.length > 0 ? requests : null,
    ...securityOptions(flags["security-opt"] ?? []),
  };
}

/** As docker sends them: `CAP_NET_ADMIN` for `net_admin`, once each and in order. `ALL` makes the others void. */
function normalCapabilities(names: readonly string[] | undefined): readonly string[] | null {
  if (names === undefined) return null;
  const full = names.map((name) => name.toUpperCase().replace(/^(CAP_)?/, "CAP_"));
  return full.includes("CAP_ALL") ? ["ALL"] : [...new Set(full)].sort();
}

type SecurityFields = Pick<HostConfig, "SecurityOpt" | "MaskedPaths" | "ReadonlyPaths">;

/** The system paths are fields of their own in the API, and a profile's file is read where it is: here. */
function securityOptions(options: readonly string[]): SecurityFields {
  const checked = options.map(checkOption);
  const others = checked.filter((option) => option !== UNCONFINED_PATHS);
  return {
    SecurityOpt: others.length > 0 ? others.map(withProfile) : null,
    ...(others.length < checked.length && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

const UNCONFINED_PATHS = "systempaths=unconfined";

function checkOption(option: string): string {
  if (/^[^=:]+[=:]./.test(option) || option.startsWith("no-new-privileges")) return option;
  throw new EngineError("invalid-argument", `invalid --security-opt: ${JSON.stringify(option)}`);
}

function withProfile(option: string): string {
  const path = /^seccomp[=:](.*)$/s.exec(option)?.[1];
  if (path === undefined || path === "unconfined" || path === "builtin") return option;
  return `seccomp=${readProfile(path)}`;
}

function readProfile(path: string): string {
  let text: string;
  try {
    text = readUserFile(path).toString("utf8");
  } catch (error) {
    const reason = `opening seccomp profile (${path}) failed: ${systemMessage(error)}`;
    throw new EngineError("invalid-argument", reason, { cause: error });
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    const reason = `compacting json for seccomp profile (${path}) failed: ${(error as Error).message}`;
    throw new EngineError("invalid-argument", reason, { cause: error });
  }
}
