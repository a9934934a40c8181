import { median } from "./measure.ts";
import type { Peer, PeerName } from "./peer.ts";
import type { Row, Unit } from "./rows.ts";

export interface RowResult {
  readonly row: Row;
  readonly values: ReadonlyMap<PeerName, readonly number[]>;
}

/** Writes medians side by side, and how many times as much wharf takes as each peer. */
export function markdownTable(peers: readonly Peer[], results: readonly RowResult[]): string {
  const others = peers.filter(({ name }) => name !== "wharf");
  const heads = [
    "",
    ...peers.map(({ name, version }) => `${name} ${version}`),
    ...others.map(({ name }) => `wharf/${name}`),
  ];
  const lines = [heads, heads.map((_, index) => (index === 0 ? "---" : "---:")), ...results.map(rowCells)];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");

  function rowCells({ row, values }: RowResult): string[] {
    const medians = new Map([...values].map(([name, list]) => [name, median(list)]));
    const ours = medians.get("wharf");
    const ratios = others.map(({ name }) => ratio(ours, medians.get(name)));
    return [row.name, ...peers.map(({ name }) => cell(medians.get(name), row.unit)), ...ratios];
  }
}

function cell(value: number | undefined, unit: Unit): string {
  if (value === undefined) return "";
  return value >= 10 ? `${value.toFixed(0)} ${unit}` : `${value.toFixed(2)} ${unit}`;
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || !theirs ? "" : (ours / theirs).toFixed(2);
}
