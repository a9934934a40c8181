import type { ContainerNames } from "../engine/containers/names.ts";
import type { Engine } from "../engine/engine.ts";
import type { Stdio } from "../stdio/stdio.ts";
import type { EventLog } from "./events.ts";
import type { ExecSessions } from "./exec-sessions.ts";
import type { ContainerRuns } from "./runs.ts";
import type { WaitingViewers } from "./waiting-viewers.ts";

/** The engine without a registry: images are fetched by the command line, so the supervisor never loads that client. */
export type SupervisorEngine = Omit<Engine, "registry">;

/** What the supervisor holds for one containerd namespace; made when the namespace is first spoken of. */
export interface NamespaceServices {
  readonly namespace: string;
  /** Settles when what an earlier supervisor left has been taken up; after a failure it is tried anew. */
  ready(): Promise<void>;
  readonly engine: SupervisorEngine;
  readonly stdio: Stdio;
  readonly events: EventLog;
  /** The names of containers that are being made. */
  readonly names: ContainerNames;
  /** The containers that run, their stdio, and everything that changes a container. */
  readonly runs: ContainerRuns;
  /** Whoever attached to a container before it was started. */
  readonly waiting: WaitingViewers;
  readonly execs: ExecSessions;
}
