import { appendFileSync } from "node:fs";

/** Who was killed. */
export type Killed = "command" | "supervisor" | "containerd" | "shim" | "container" | "host";

/** A kill after which everything held that has to. */
export interface Survival {
  readonly killed: Killed;
  /** What was under way. */
  readonly during: string;
  /** At which fault point; otherwise when, or by what accident. */
  readonly at: string;
  /** What was looked at afterwards. */
  readonly checked: string;
}

/** Where `scripts/chaos.sh` collects what all files have to report, a line of JSON each. */
const COLLECTION = process.env.WHARF_CHAOS_REPORT;

/** What was killed where and came through, in one file of tests; printed as a table at the end. */
export class Report {
  readonly #rows: (Survival & { readonly ms: number })[] = [];
  #since = performance.now();

  add(survival: Survival): void {
    const now = performance.now();
    this.#rows.push({ ...survival, ms: now - this.#since });
    this.#since = now;
    if (COLLECTION) appendFileSync(COLLECTION, `${JSON.stringify(survival)}\n`);
  }

  print(title: string): void {
    const width = Math.max(...this.#rows.map(({ at }) => at.length), 0);
    const lines: string[] = [];
    let heading = "";
    for (const { killed, during, at, checked, ms } of this.#rows) {
      const next = `  the ${killed}, during ${during}; checked: ${checked}`;
      if (next !== heading) lines.push(next);
      heading = next;
      lines.push(`    ${at.padEnd(width)}  ${(ms / 1000).toFixed(1).padStart(5)} s`);
    }
    console.log([`${title}: ${this.#rows.length} came through`, ...lines].join("\n"));
  }
}
