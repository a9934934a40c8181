import type { PullEvent } from "../../engine/images/pull.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import { TransferRate } from "./transfer-rate.ts";

/** What has come of one image's layers, by its events. */
export class PullTotals {
  private readonly received = new Map<string, number>();
  private readonly ready = new Set<string>();
  private readonly rate = new TransferRate();
  private present = 0;
  layers: readonly Descriptor[] = [];

  constructor(private readonly now: () => number = () => performance.now()) {}

  add(event: PullEvent): void {
    if (event.type === "layers") this.layers = event.layers;
    if (event.type !== "layer") return;
    const { digest, state } = event;
    if (state === "exists") this.present += this.sizeOf(digest);
    if (state === "downloading") this.received.set(digest, event.bytes);
    if (state === "downloaded" || state === "exists") this.received.set(digest, this.sizeOf(digest));
    if (state === "unpacked" || state === "exists") this.ready.add(digest);
    // What was there before came at no rate.
    this.rate.note(this.current - this.present, this.now());
  }

  sizeOf(digest: string): number {
    return this.layers.find((layer) => layer.digest === digest)?.size ?? 0;
  }

  get current(): number {
    return [...this.received.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get total(): number {
    return this.layers.reduce((sum, { size }) => sum + size, 0);
  }

  /** How many layers are unpacked. */
  get unpacked(): number {
    return this.ready.size;
  }

  get bytesPerSecond(): number | undefined {
    return this.rate.bytesPerSecond;
  }

  get secondsLeft(): number | undefined {
    return this.rate.secondsLeft(this.total - this.current);
  }
}
