import type { ContainerNames } from "../engine/containers/names.ts";
import type { Stdio } from "../stdio/stdio.ts";
import type { EventLog } from "./events.ts";
import type { ExecSessions } from "./exec-sessions.ts";
import type { LeftoverExecs } from "./leftover-execs.ts";
import type { SupervisorEngine } from "./services.ts";
import type { WaitingViewers } from "./waiting-viewers.ts";

/** What all containers of a namespace share. */
export interface RunServices {
  readonly engine: SupervisorEngine;
  readonly stdio: Stdio;
  readonly events: EventLog;
  readonly waiting: WaitingViewers;
  readonly execs: ExecSessions;
  readonly leftovers: LeftoverExecs;
  readonly names: ContainerNames;
  /** Identifies the present boot of the host. */
  readonly bootId: string;
  /** Told of failures that nobody waits for. */
  readonly onDefect: (error: unknown) => void;
}
