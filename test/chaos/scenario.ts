import type { Stage } from "./stage.ts";

/** What is done while a process dies at each of the points, and what has to hold after it. */
export interface Scenario {
  readonly what: string;
  readonly points: readonly string[];
  /** What has to hold after it, for the report. */
  readonly checks: string;
  /** `name` is one that no other scenario uses. What the scenario has made is gone when it returns. */
  play(stage: Stage, point: string, name: string): Promise<void>;
}
