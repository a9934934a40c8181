import type { ResolvedUser } from "../model/user-spec.ts";
import { capabilitySets } from "./capabilities.ts";
import { mergeEnvironment } from "./environment.ts";
import type { HostFacts } from "./host-facts.ts";
import { processUser } from "./process-user.ts";
import type { ProcessSpec } from "./runtime-spec.ts";
import { workingDirectory } from "./working-directory.ts";

export interface ExecProcessInput {
  /** The container's own process, from its runtime spec: an exec differs from it only where it says so. */
  readonly containerProcess: ProcessSpec;
  readonly args: readonly string[];
  /** Laid over the container's environment. */
  readonly env: readonly string[];
  /** `""`: the container's. */
  readonly workingDir: string;
  readonly terminal: boolean;
  readonly consoleSize: readonly [height: number, width: number] | undefined;
  readonly privileged: boolean;
  /** `undefined`: the container's. */
  readonly user: ResolvedUser | undefined;
  readonly host: Pick<HostFacts, "boundingCapabilities">;
}

/** The process of an exec, as docker would have it run beside the container's own. */
export function buildExecProcess(input: ExecProcessInput): ProcessSpec {
  const { terminal: _, consoleSize: __, ...inherited } = input.containerProcess;
  const [height, width] = input.consoleSize ?? [0, 0];
  return {
    ...inherited,
    ...(input.terminal && { terminal: true }),
    ...(input.terminal && (height > 0 || width > 0) && { consoleSize: { height, width } }),
    ...(input.user !== undefined && { user: processUser(input.user) }),
    args: input.args,
    env: execEnvironment(input),
    cwd: workingDirectory(input.workingDir || inherited.cwd),
    ...(input.privileged && { capabilities: capabilitySets(input.host.boundingCapabilities) }),
  };
}

const TERMINAL_VARIABLE = "TERM=xterm";

/** A terminal's TERM comes with the terminal: the exec has it if it has one, whatever the container's process has. */
function execEnvironment({ containerProcess, env, terminal }: ExecProcessInput): readonly string[] {
  const inherited = containerProcess.env.filter(
    (variable) => !(containerProcess.terminal && variable === TERMINAL_VARIABLE),
  );
  return mergeEnvironment([...(terminal ? [TERMINAL_VARIABLE] : []), ...inherited, ...env]);
}
