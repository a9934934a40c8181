import type { PublishedPort } from "../../../model/container-record.ts";
import type { Stdio } from "../../../stdio/stdio.ts";
import type { Engine } from "../../engine.ts";

/** A container under supervision, as its supervisor knows it. */
export interface Charge {
  readonly id: string;
  /** 0 while it does not run. */
  readonly pid: number;
  /** True while something is under way that changes what the container is. */
  readonly isChanging: boolean;
  /** True while it is being removed. */
  readonly isRemoving: boolean;
  readonly ports: readonly PublishedPort[];
  /** Does some work while the container does not run and nothing changes it; does not do it if it runs. */
  whileIdle(work: () => Promise<unknown>): Promise<void>;
  /** Goes on with a removal that was begun and did not come to its end. */
  finishRemoval(): Promise<void>;
}

/** One of containerd's namespaces under supervision. */
export interface Department {
  readonly namespace: string;
  readonly charges: readonly Charge[];
  /** Names that are held for containers which are being made. */
  readonly reservedNames: readonly { readonly name: string; readonly containerId: string; release(): void }[];
  /** Takes up what runs unsupervised, and settles what ended unseen. */
  reconcile(): Promise<void>;
}

/** What the doctor looks after: the engine, and what the supervisor has in its hands. */
export interface Ward {
  readonly engine: Pick<Engine, "containerd" | "networks" | "store" | "settings">;
  readonly stdio: Pick<Stdio, "isOpen" | "keeperPid" | "keeperFile">;
  /** When the supervisor started, as the time of a file. */
  readonly startedAtMs: number;
  /** Every namespace of containerd's; those that could not be taken up are missing. */
  departments(): Promise<readonly Department[]>;
  /** Settles when everything that is under way now has come to its end. */
  settled(): Promise<void>;
}
