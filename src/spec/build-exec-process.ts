import type { ContainerConfig } from "../model/container-config.ts";
import { resolvePath } from "../model/path.ts";
import type { ResolvedUser } from "../model/user-spec.ts";
import { capabilitySets } from "./capabilities.ts";
import { buildEnvironment } from "./environment.ts";
import type { HostFacts } from "./host-facts.ts";
import type { ProcessSpec } from "./runtime-spec.ts";

/** What `POST /containers/{id}/exec` asks for, in its own words. */
export interface ExecRequest {
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Privileged: boolean;
  readonly Tty: boolean;
  readonly ConsoleSize?: readonly [height: number, width: number] | null;
}

export interface ExecProcessInput {
  /** The container's own process, from its runtime spec: an exec differs from it only where it says so. */
  readonly process: ProcessSpec;
  readonly config: Pick<ContainerConfig, "Env" | "WorkingDir">;
  readonly hostname: string;
  readonly request: ExecRequest;
  /** Absent: the container's own user. */
  readonly user?: ResolvedUser;
  readonly host: Pick<HostFacts, "boundingCapabilities">;
}

/** The process of an exec, as docker would have it run beside the container's own. */
export function buildExecProcess({ process, config, hostname, request, user, host }: ExecProcessInput): ProcessSpec {
  const { terminal: _, consoleSize: __, ...inherited } = process;
  const [height, width] = request.ConsoleSize ?? [0, 0];
  return {
    ...inherited,
    ...(request.Tty && { terminal: true }),
    ...(request.Tty && (height > 0 || width > 0) && { consoleSize: { height, width } }),
    ...(user !== undefined && {
      user: { uid: user.uid, gid: user.gid, additionalGids: [user.gid, ...user.additionalGids] },
    }),
    args: request.Cmd,
    env: buildEnvironment({ hostname, terminal: request.Tty, env: [...(config.Env ?? []), ...request.Env] }),
    cwd: resolvePath("/", request.WorkingDir || config.WorkingDir),
    ...(request.Privileged && { capabilities: capabilitySets(host.boundingCapabilities) }),
  };
}
