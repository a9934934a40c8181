import type { Runtime } from "../../containerd/containers.ts";
import { EngineError } from "../../errors.ts";
import type { HostFacts } from "../../spec/host-facts.ts";

const RUNC_SHIM = "io.containerd.runc.v2";

/**
 * Turns docker's `--runtime` into containerd's: `runc` and paths of programs with runc's command line go through runc's
 * shim, names such as `io.containerd.kata.v2` are shims of their own.
 *
 * @throws EngineError `invalid-argument` for any other name.
 */
export function containerdRuntime(name: string, { cgroupDriver }: Pick<HostFacts, "cgroupDriver">): Runtime {
  if (/^io\.containerd\.[\w.-]+\.v\d+$/.test(name) && name !== RUNC_SHIM) return { name };
  const isProgram = name.startsWith("/");
  if (!isProgram && !["", "runc", RUNC_SHIM].includes(name)) {
    throw new EngineError("invalid-argument", `unknown or invalid runtime name: ${name}`);
  }
  const options = {
    ...(isProgram ? { binaryName: name } : {}),
    ...(cgroupDriver === "systemd" ? { systemdCgroup: true } : {}),
  };
  return { name: RUNC_SHIM, ...(Object.keys(options).length > 0 && { options }) };
}
