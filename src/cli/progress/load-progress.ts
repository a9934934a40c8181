import type { LoadEvent } from "../../engine/images/load.ts";
import { isDigest, shortDigest } from "../../model/digest.ts";
import { progressBar } from "./bar.ts";
import { LiveLines, type Terminal } from "./live-lines.ts";

/** Manifests and configs are small, and nobody waits for them. */
const MIN_BYTES_SHOWN = 64 * 1024;

/** A bar for each layer of an archive, on a terminal. */
export class LoadProgress {
  private readonly lines: LiveLines;

  constructor(private readonly terminal: Terminal) {
    this.lines = new LiveLines(terminal);
  }

  update({ id, bytes, total }: LoadEvent): void {
    if (total < MIN_BYTES_SHOWN) return;
    const name = isDigest(id) ? shortDigest(id) : id;
    this.lines.set(name, `${name}: Loading layer  ${progressBar(bytes, total, this.terminal.columns)}`);
  }

  finish(): void {
    this.lines.finish();
  }
}
