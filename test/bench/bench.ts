/**
 * `npm run bench`: what wharf does, beside the peers that this machine has, each measured as a whole process. Prints
 * a table as it goes; `--write FILE` keeps it, `--only TEXT` measures the rows whose name holds the text.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { median } from "./measure.ts";
import type { PeerName } from "./peer.ts";
import { ROWS, type Row } from "./rows.ts";
import { setStage } from "./stage.ts";
import { markdownTable, type RowResult } from "./table.ts";

const { values: options } = parseArgs({ options: { only: { type: "string" }, write: { type: "string" } } });

const rows = ROWS.filter(({ name }) => name.includes(options.only ?? ""));
await using stage = await setStage();
const results: RowResult[] = [];
for (const row of rows) {
  const result = await measureRow(row);
  results.push(result);
  const medians = [...result.values].map(([name, values]) => `${name} ${median(values).toFixed(1)}`);
  console.error(`${row.name}: ${medians.join(", ")} ${row.unit}`);
}

const date = new Date().toISOString().slice(0, 10);
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`;
const report = `# Benchmarks

Measured ${date} by \`npm run bench\` on ${machine}; containerd ${stage.containerdVersion} under wharf and ctr.
Whole processes from start to exit, medians, the peers taking turns. The last columns say how many times as much wharf
takes: below 1 is less than the peer.

${markdownTable(stage.peers, results)}`;
console.log(report);
if (options.write) {
  await mkdir(dirname(options.write), { recursive: true });
  await writeFile(options.write, report);
}

/** The peers take turns, so that what the machine does beside meets all of them alike. */
async function measureRow(row: Row): Promise<RowResult> {
  const peers = stage.peers.filter(({ name }) => row.peers.includes(name));
  const values = new Map<PeerName, number[]>(peers.map(({ name }) => [name, []]));
  for (const peer of peers) await row.prepare?.(peer, stage);
  for (let run = 0; run < row.runs; run += 1) {
    for (const peer of peers) values.get(peer.name)?.push(await row.measure(peer, stage));
  }
  return { row, values };
}
