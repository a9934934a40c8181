import type { PullEvent } from "../../engine/images/pull.ts";
import { shortDigest } from "../../model/digest.ts";
import type { Reference } from "../../model/reference.ts";
import type { ProgressStream, PullProgress } from "./pull-progress.ts";
import { PullTotals } from "./pull-totals.ts";

/** As often as a layer's bytes are told. */
const INTERVAL_MS = 200;

const STATUS = {
  waiting: "Pulling fs layer",
  downloading: "Downloading",
  downloaded: "Download complete",
  unpacking: "Extracting",
  unpacked: "Pull complete",
  exists: "Already exists",
} as const;

/**
 * A line of JSON for each step, for programs: the messages of docker's API, each with the image that it is about, and
 * beside them one for the whole of it with its rate and the time that is left.
 */
export class JsonPullProgress implements PullProgress {
  private readonly totals: PullTotals;
  private readonly told = new Map<string, number>();

  constructor(
    private readonly stream: ProgressStream,
    private readonly reference: Reference,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.totals = new PullTotals(now);
  }

  update(event: PullEvent): void {
    this.totals.add(event);
    if (event.type === "layers") return;
    if (event.type === "resolved") {
      const { tag, digest, path } = this.reference;
      this.tell({ status: `Pulling from ${path}`, id: digest ?? tag });
      return;
    }
    const { digest, state } = event;
    const isBytes = state === "downloading";
    if (isBytes && !this.isDue(digest)) return;
    const progressDetail = isBytes ? { current: event.bytes, total: this.totals.sizeOf(digest) } : {};
    this.tell({ status: STATUS[state], progressDetail, id: shortDigest(digest) });
    if (!isBytes || this.isDue("total")) this.tellTotal();
  }

  say(line: string): void {
    this.tell({ status: line });
  }

  finish(): void {}

  private tellTotal(): void {
    const { current, total, bytesPerSecond, secondsLeft } = this.totals;
    const rate = bytesPerSecond === undefined ? {} : { bytesPerSecond: Math.round(bytesPerSecond), secondsLeft };
    this.tell({ status: "Total", progressDetail: { current, total, ...rate } });
  }

  private isDue(key: string): boolean {
    const last = this.told.get(key);
    const now = this.now();
    if (last !== undefined && now - last < INTERVAL_MS) return false;
    this.told.set(key, now);
    return true;
  }

  private tell(message: object): void {
    this.stream.write(`${JSON.stringify({ ...message, image: this.reference.toString() })}\n`);
  }
}
