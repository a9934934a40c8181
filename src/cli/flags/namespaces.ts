import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { HostConfig } from "../../model/container-config.ts";
import { Flags } from "../parameters.ts";

/** Which of the kernel's namespaces a container shares, and with whom. */
export const namespaceFlags = {
  pid: Flags.string({ helpValue: "string", summary: "PID namespace to use" }),
  ipc: Flags.string({ helpValue: "string", summary: "IPC mode to use" }),
  uts: Flags.string({ helpValue: "string", summary: "UTS namespace to use" }),
  cgroupns: Flags.string({ helpValue: "string", summary: "Cgroup namespace to use (host|private)" }),
  userns: Flags.string({ helpValue: "string", summary: "User namespace to use" }),
};

/** The modes, as the API has them. */
export function namespaceBody(flags: InferredFlags<typeof namespaceFlags>): Partial<HostConfig> {
  return {
    PidMode: checkMode(flags.pid, { flag: "pid", kind: "PID", words: ["host"], container: true }),
    IpcMode: flags.ipc ?? "",
    UTSMode: checkMode(flags.uts, { flag: "uts", kind: "UTS", words: ["host"] }),
    CgroupnsMode: checkMode(flags.cgroupns, { flag: "cgroupns", kind: "CGROUP", words: ["host", "private"] }),
    UsernsMode: checkMode(flags.userns, { flag: "userns", kind: "USER", words: ["host"] }),
  };
}

interface ModeRule {
  readonly flag: string;
  readonly kind: string;
  readonly words: readonly string[];
  /** `container:<name>` joins another container's. */
  readonly container?: boolean;
}

function checkMode(mode = "", { flag, kind, words, container = false }: ModeRule): string {
  if (mode === "" || words.includes(mode) || (container && /^container:./.test(mode))) return mode;
  throw new EngineError("invalid-argument", `--${flag}: invalid ${kind} mode`);
}
