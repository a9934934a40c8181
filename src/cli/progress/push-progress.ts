import type { PushEvent } from "../../engine/images/push.ts";
import { shortDigest } from "../../model/digest.ts";
import { progressBar } from "./bar.ts";
import { LiveLines } from "./live-lines.ts";
import { type ProgressStream, terminalOf } from "./pull-progress.ts";

/** Shows the events of one push. `finish` is called when no more come, also after a failure. */
export interface PushProgress {
  update(event: PushEvent): void;
  finish(): void;
}

/** A bar for each blob on a terminal, a line for each step elsewhere, both in docker's words. */
export function openPushProgress(stream: ProgressStream): PushProgress {
  return stream.isTTY ? new TerminalPushProgress(stream) : new PlainPushProgress(stream);
}

/** For `--quiet`. */
export const noPushProgress: PushProgress = { update: () => undefined, finish: () => undefined };

/** docker's steps of a layer. Bytes are not worth a line in a log. */
class PlainPushProgress implements PushProgress {
  constructor(private readonly stream: ProgressStream) {}

  update(event: PushEvent): void {
    if (event.type === "bytes" || event.state === "pushing") return;
    this.stream.write(`${shortDigest(event.digest)}: ${wordsOf(event)}\n`);
  }

  finish(): void {}
}

/** A line for each blob, and one for all of them. */
class TerminalPushProgress implements PushProgress {
  private readonly lines: LiveLines;
  private readonly columns: () => number;
  private readonly blobs = new Map<string, { readonly size: number; readonly sent: number }>();

  constructor(stream: ProgressStream) {
    const terminal = terminalOf(stream);
    this.lines = new LiveLines(terminal);
    this.columns = () => terminal.columns;
  }

  update(event: PushEvent): void {
    const { digest, size } = event;
    const isDone = event.type === "blob" && ["pushed", "exists", "mounted"].includes(event.state);
    const sent = event.type === "bytes" ? event.bytes : isDone ? size : 0;
    this.blobs.set(digest, { size, sent });
    const text = event.type === "bytes" ? `Pushing  ${progressBar(event.bytes, size, this.columns())}` : wordsOf(event);
    this.lines.set(digest, `${shortDigest(digest)}: ${text}`);
    this.lines.set("total", `Total: ${this.total()}`);
  }

  finish(): void {
    this.lines.finish();
  }

  private total(): string {
    const blobs = [...this.blobs.values()];
    const sent = blobs.reduce((sum, blob) => sum + blob.sent, 0);
    const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
    return progressBar(sent, size, this.columns());
  }
}

function wordsOf(event: Extract<PushEvent, { type: "blob" }>): string {
  switch (event.state) {
    case "preparing":
      return "Preparing";
    case "pushing":
      return "Pushing";
    case "pushed":
      return "Pushed";
    case "exists":
      return "Layer already exists";
    case "mounted":
      return `Mounted from ${event.from}`;
  }
}
