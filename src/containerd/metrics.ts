import { typeNameOf } from "./any.ts";
import type { Metric } from "./generated/containerd/types/metrics.ts";
import { Metrics as CgroupV1Metrics } from "./generated/io/containerd/cgroups/v1/metrics.ts";
import { Metrics as CgroupV2Metrics } from "./generated/io/containerd/cgroups/v2/metrics.ts";
import { timestampToIso } from "./timestamps.ts";

/** A message with its 64-bit numbers made plain: those above 2^53 stand for "no limit", and lose nothing but digits. */
type Plain<T> = T extends bigint ? number : T extends object ? { readonly [Key in keyof T]: Plain<T[Key]> } : T;

/** What the kernel counts for a task, in the words of the cgroup hierarchy that the host has. */
export type TaskMetrics = {
  readonly containerId: string;
  readonly timestamp: string;
} & (
  | { readonly cgroupVersion: 1; readonly metrics: Plain<CgroupV1Metrics> }
  | { readonly cgroupVersion: 2; readonly metrics: Plain<CgroupV2Metrics> }
  /** A runtime that counts in a way of its own, or not at all. */
  | { readonly cgroupVersion: undefined }
);

export function metricsFromMessage({ id, timestamp, data }: Metric): TaskMetrics {
  const common = { containerId: id, timestamp: timestampToIso(timestamp) };
  switch (data && typeNameOf(data)) {
    case "io.containerd.cgroups.v1.Metrics":
      return { ...common, cgroupVersion: 1, metrics: plain(CgroupV1Metrics.decode(data?.value ?? NOTHING)) };
    case "io.containerd.cgroups.v2.Metrics":
      return { ...common, cgroupVersion: 2, metrics: plain(CgroupV2Metrics.decode(data?.value ?? NOTHING)) };
    default:
      return { ...common, cgroupVersion: undefined };
  }
}

const NOTHING = new Uint8Array();

function plain<T>(value: T): Plain<T> {
  if (typeof value === "bigint") return Number(value) as Plain<T>;
  if (Array.isArray(value)) return value.map(plain) as Plain<T>;
  if (typeof value !== "object" || value === null) return value as Plain<T>;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)])) as Plain<T>;
}
