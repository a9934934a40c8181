import type { Chart } from "./chart.ts";
import type { Ward } from "./ward.ts";

/** Something that is not as it should be. Two findings of the same kind, namespace and object are the same. */
export interface Finding {
  readonly kind: string;
  /** Its name, as the tools of the host show it. */
  readonly object: string;
  /** Absent for what belongs to the host and not to one of containerd's namespaces. */
  readonly namespace?: string;
  readonly why: string;
  /** What is to be done, "remove it": by `mend`, or where there is none by a person. */
  readonly remedy: string;
  /** What mending frees. */
  readonly bytes?: number;
  /** Puts it in order. Absent where only a person can decide. */
  mend?(signal: AbortSignal): Promise<unknown>;
}

/** Looks for one kind of things. It changes nothing. */
export type Finder = (ward: Ward, chart: Chart, signal: AbortSignal) => Promise<Finding[]>;

/** Identifies a finding among those of several looks. */
export function keyOf({ kind, namespace = "", object }: Finding): string {
  return JSON.stringify([kind, namespace, object]);
}
