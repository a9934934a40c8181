import type { Finding } from "../engine/system/doctor/finding.ts";
import type { Charge, Department, Ward } from "../engine/system/doctor/ward.ts";
import type { DoctorEntry } from "../model/doctor-report.ts";
import type { Stdio } from "../stdio/stdio.ts";
import type { ContainerRun } from "./container-run.ts";
import { Mutex } from "./mutex.ts";
import type { Namespaces } from "./namespaces.ts";
import type { NamespaceServices, SupervisorEngine } from "./services.ts";

export interface HouseDoctorOptions {
  readonly engine: Pick<SupervisorEngine, "containerd" | "networks" | "store" | "settings">;
  readonly stdio: Stdio;
  readonly namespaces: Namespaces;
}

/**
 * Keeps the host clean of what wharf has no use for any more. It works inside the supervisor, the one writer, and so
 * knows what is under way. Its code is loaded when it has something to do.
 */
export class HouseDoctor {
  readonly #ward: Ward;
  /** Two at a time would find each other's work half done. */
  readonly #turns = new Mutex();

  constructor({ engine, stdio, namespaces }: HouseDoctorOptions) {
    this.#ward = {
      engine,
      stdio,
      startedAtMs: Date.now(),
      departments: async () => (await namespaces.openAll()).map(departmentOf),
      settled: async () => {
        await namespaces.settled();
        await engine.networks.settled();
        stdio.settle();
      },
    };
  }

  /** Takes away what containers that are gone have left behind. */
  async sweep(signal: AbortSignal): Promise<DoctorEntry[]> {
    const { repair, FINDERS_AT_START } = await load();
    return await this.#turns.run(() => repair(this.#ward, FINDERS_AT_START, signal));
  }

  /** What is not as it should be; changes nothing. */
  async examine(signal: AbortSignal): Promise<DoctorEntry[]> {
    const { examine, describeFinding, ALL_FINDERS } = await load();
    const findings = await this.#turns.run<Finding[]>(() => examine(this.#ward, ALL_FINDERS, signal));
    return findings.map(describeFinding);
  }

  /** Mends what is not as it should be, and tells of each thing what became of it. */
  async repair(signal: AbortSignal): Promise<DoctorEntry[]> {
    const { repair, ALL_FINDERS } = await load();
    return await this.#turns.run(() => repair(this.#ward, ALL_FINDERS, signal));
  }
}

async function load() {
  const [examination, finders] = await Promise.all([
    import("../engine/system/doctor/examine.ts"),
    import("../engine/system/doctor/finders.ts"),
  ]);
  return { ...examination, ...finders };
}

function departmentOf({ namespace, runs, names }: NamespaceServices): Department {
  const charges = runs.list().map(chargeOf);
  return { namespace, charges, reservedNames: names.reserved(), reconcile: () => runs.reconcile() };
}

/** The container as it is at this moment. */
function chargeOf({ id, pid, recovery }: ContainerRun): Charge {
  return {
    id,
    pid,
    isChanging: recovery.isChanging,
    isRemoving: recovery.isRemoving,
    ports: recovery.state.ports,
    whileIdle: (work) => recovery.whileIdle(work),
    finishRemoval: () => recovery.finishRemoval(),
  };
}
