import type { PullEvent } from "../../engine/images/pull.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { shortDigest } from "../../model/digest.ts";
import type { Reference } from "../../model/reference.ts";
import { progressBar } from "./bar.ts";
import { LiveLines, type Terminal } from "./live-lines.ts";

/** Shows the events of one pull. `finish` is called when no more come, also after a failure. */
export interface PullProgress {
  update(event: PullEvent): void;
  finish(): void;
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

/** A bar for each layer on a terminal, a line for each step elsewhere, both in docker's words. */
export function openPullProgress(stream: ProgressStream, reference: Reference): PullProgress {
  return stream.isTTY
    ? new TerminalPullProgress(terminalOf(stream), reference)
    : new PlainPullProgress(stream, reference);
}

/** For `--quiet`. */
export const noProgress: PullProgress = { update: () => undefined, finish: () => undefined };

/** docker's steps of a layer. Bytes are not worth a line in a log. */
class PlainPullProgress implements PullProgress {
  constructor(
    private readonly stream: ProgressStream,
    private readonly reference: Reference,
  ) {}

  update(event: PullEvent): void {
    for (const line of this.linesOf(event)) this.stream.write(`${line}\n`);
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

/** A line for each layer, and one for all of them. */
class TerminalPullProgress implements PullProgress {
  private readonly lines: LiveLines;
  private readonly received = new Map<string, number>();
  private layers: readonly Descriptor[] = [];

  constructor(
    private readonly terminal: Terminal,
    private readonly reference: Reference,
  ) {
    this.lines = new LiveLines(terminal);
  }

  update(event: PullEvent): void {
    if (event.type === "resolved") {
      this.terminal.write(`${pullingFrom(this.reference)}\n`);
    } else if (event.type === "layers") {
      this.layers = event.layers;
    } else {
      this.show(event);
    }
  }

  finish(): void {
    this.lines.finish();
  }

  private show(event: Extract<PullEvent, { type: "layer" }>): void {
    const id = shortDigest(event.digest);
    const layer = this.layers.find(({ digest }) => digest === event.digest);
    if (event.state === "downloading") this.received.set(event.digest, event.bytes);
    if (event.state === "downloaded" || event.state === "exists") this.received.set(event.digest, layer?.size ?? 0);
    this.lines.set(id, `${id}: ${this.describe(event, layer?.size ?? 0)}`);
    this.lines.set("total", `Total: ${this.total()}`);
  }

  private describe(event: Extract<PullEvent, { type: "layer" }>, size: number): string {
    switch (event.state) {
      case "waiting":
        return "Pulling fs layer";
      case "downloading":
        return `Downloading  ${progressBar(event.bytes, size, this.terminal.columns)}`;
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
    const size = this.layers.reduce((sum, layer) => sum + layer.size, 0);
    const received = this.layers.reduce((sum, { digest }) => sum + (this.received.get(digest) ?? 0), 0);
    return progressBar(received, size, this.terminal.columns);
  }
}

function pullingFrom({ tag, digest, path }: Reference): string {
  return `${digest ?? tag}: Pulling from ${path}`;
}

/** A terminal of whatever size it has at the moment. */
function terminalOf(stream: ProgressStream): Terminal {
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
