import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ComponentVersion, SystemVersion } from "../../model/system-view.ts";
import { toolEnvironment } from "../../program-environment.ts";
import type { Engine } from "../engine.ts";

/** What wharf says of itself. */
export interface EngineVersion {
  readonly version: string;
  /** The newest and the oldest version of the Engine API that it speaks. */
  readonly apiVersion: string;
  readonly minApiVersion: string;
  readonly gitCommit: string;
}

/**
 * The versions of wharf, containerd and runc, in the shape of the Engine API's `GET /version`.
 *
 * @throws EngineError `unavailable` when containerd does not run.
 */
export async function describeVersion(
  { containerd, host }: Pick<Engine, "containerd" | "host">,
  engine: EngineVersion,
  { signal }: { readonly signal: AbortSignal },
): Promise<SystemVersion> {
  const [daemon, runc] = await Promise.all([containerd.version({ signal }), readRuncVersion({ signal })]);
  const platform = { Os: "linux", Arch: host.architecture, KernelVersion: host.kernelVersion };
  const api = { ApiVersion: engine.apiVersion, MinAPIVersion: engine.minApiVersion, GitCommit: engine.gitCommit };
  const component = (name: string, version: string, details: ComponentVersion["Details"]) => {
    return { Name: name, Version: version, Details: details };
  };
  return {
    Platform: { Name: "wharf" },
    Components: [
      component("Engine", engine.version, { ...platform, ...api }),
      component("containerd", daemon.version, { GitCommit: daemon.revision }),
      ...(runc === undefined ? [] : [component("runc", runc.version, { GitCommit: runc.commit })]),
    ],
    Version: engine.version,
    ...api,
    ...platform,
  };
}

/** What `runc --version` says; `undefined` where there is no runc. */
export async function readRuncVersion({
  signal,
}: {
  readonly signal: AbortSignal;
}): Promise<{ version: string; commit: string } | undefined> {
  const options = { signal, env: toolEnvironment() };
  const output = await promisify(execFile)("runc", ["--version"], options).catch(() => undefined);
  if (output === undefined) return undefined;
  return {
    version: /^runc version (\S+)/m.exec(output.stdout)?.[1] ?? "",
    commit: /^commit: (\S+)/m.exec(output.stdout)?.[1] ?? "",
  };
}
