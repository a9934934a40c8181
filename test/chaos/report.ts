/** What was killed where, and came through; printed as a table at the end. */
export class Report {
  readonly #rows: { readonly what: string; readonly where: string; readonly ms: number }[] = [];
  #since = performance.now();

  /** A kill after which everything held that has to. */
  add(what: string, where: string): void {
    const now = performance.now();
    this.#rows.push({ what, where, ms: now - this.#since });
    this.#since = now;
  }

  print(title: string): void {
    const width = (key: "what" | "where") => Math.max(...this.#rows.map((row) => row[key].length), 0);
    const lines = this.#rows.map(({ what, where, ms }) => {
      return `  ${what.padEnd(width("what"))}  ${where.padEnd(width("where"))}  ${(ms / 1000).toFixed(1).padStart(5)} s`;
    });
    console.log([`${title}: ${this.#rows.length} came through`, ...lines].join("\n"));
  }
}
