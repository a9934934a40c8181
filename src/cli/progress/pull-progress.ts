import type { PullEvent } from "../../engine/images/pull.ts";
import { formatDecimalSize } from "../../model/byte-size.ts";
import { shortDigest } from "../../model/digest.ts";
import type { Reference } from "../../model/reference.ts";
import { progressBar } from "./bar.ts";
import { LiveLines, type Terminal } from "./live-lines.ts";
import { PullTotals } from "./pull-totals.ts";
import { formatSeconds } from "./transfer-rate.ts";

/** Shows the events of one pull. `finish` is called when no more come, also after a failure. */
export interface PullProgress {
  update(event: PullEvent): void;
  finish(): void;
  /** Shows a line about the image as a whole, when all of it is there. */
  say(line: string): void;
}

/** Where progress is shown. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const FALLBACK_COLUMNS = 80;
const FALLBACK_ROWS = 24;

/** For `--quiet`. */
export const noProgress: PullProgress = { update: () => undefined, finish: () => undefined, say: () => undefined };

/** docker's steps of a layer. Bytes are not worth a line in a log. */
export class PlainPullProgress implements PullProgress {
  private readonly prefix: string;

  constructor(
    private readonly stream: ProgressStream,
    private readonly reference: Reference,
    { several }: { readonly several: boolean },
  ) {
    this.prefix = several ? `${reference.familiar()}: ` : "";
  }

  say(line: string): void {
    this.stream.write(`${this.prefix}${line}\n`);
  }

  update(event: PullEvent): void {
    for (const line of this.linesOf(event)) this.say(line);
  }

  finish(): void {}

  private linesOf(event: PullEvent): string[] {
    if (event.type === "resolved") return [pullingFrom(this.reference)];
    if (event.type === "layers") return [];
    const id = shortDigest(event.digest);
    switch (event.state) {
      case "waiting":
        return [`${id}: Pulling fs layer`];
      case "downloaded":
        return [`${id}: Verifying Checksum`, `${id}: Download complete`];
      case "unpacked":
        return [`${id}: Pull complete`];
      case "exists":
        return [`${id}: Already exists`];
      default:
        return [];
    }
  }
}

/** A line for each layer, and one for all of them; where several images share the lines, a block for each of them. */
export class TerminalPullProgress implements PullProgress {
  private readonly lines: LiveLines;
  private readonly name: string;
  private readonly totals = new PullTotals();

  /** `shared` are lines that belong to several images, and are finished by whoever opened them. */
  constructor(
    private readonly terminal: Terminal,
    private readonly reference: Reference,
    private readonly shared?: LiveLines,
  ) {
    this.lines = shared ?? new LiveLines(terminal);
    this.name = reference.familiar();
    if (shared) this.say("Waiting");
  }

  update(event: PullEvent): void {
    this.totals.add(event);
    if (event.type === "resolved") this.say(pullingFrom(this.reference));
    else if (event.type === "layer") this.show(event);
  }

  finish(): void {
    if (!this.shared) this.lines.finish();
  }

  say(line: string): void {
    if (this.shared) this.lines.set(this.name, `${this.name}: ${line}`);
    else this.terminal.write(`${line}\n`);
  }

  private show(event: Extract<PullEvent, { type: "layer" }>): void {
    const id = shortDigest(event.digest);
    // Keys tell the images apart that have a layer in common; the eye does by the block.
    const [key, indent] = this.shared ? [`${this.name} `, "  "] : ["", ""];
    this.lines.set(key + id, `${indent}${id}: ${this.describe(event)}`, this.shared && this.name);
    this.lines.set(`${key}total`, `${indent}Total: ${this.total()}`, this.shared && this.name);
  }

  private describe(event: Extract<PullEvent, { type: "layer" }>): string {
    switch (event.state) {
      case "waiting":
        return "Pulling fs layer";
      case "downloading":
        return `Downloading  ${progressBar(event.bytes, this.totals.sizeOf(event.digest), this.terminal.columns)}`;
      case "downloaded":
        return "Download complete";
      case "unpacking":
        return "Extracting";
      case "unpacked":
        return "Pull complete";
      case "exists":
        return "Already exists";
    }
  }

  private total(): string {
    const { current, total, unpacked, layers, bytesPerSecond, secondsLeft } = this.totals;
    const bar = progressBar(current, total, this.terminal.columns);
    if (current >= total) return unpacked > 0 ? `${bar}  ${unpacked}/${layers.length} unpacked` : bar;
    if (bytesPerSecond === undefined || secondsLeft === undefined) return bar;
    return `${bar}  ${formatDecimalSize(bytesPerSecond, 3)}/s  ${formatSeconds(secondsLeft)} left`;
  }
}

function pullingFrom({ tag, digest, path }: Reference): string {
  return `${digest ?? tag}: Pulling from ${path}`;
}

/** A terminal of whatever size it has at the moment. */
export function terminalOf(stream: ProgressStream): Terminal {
  return {
    get columns() {
      return stream.columns ?? FALLBACK_COLUMNS;
    },
    get rows() {
      return stream.rows ?? FALLBACK_ROWS;
    },
    write: (text) => stream.write(text),
  };
}
