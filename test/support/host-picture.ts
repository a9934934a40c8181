import { readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Containerd } from "../../src/containerd/client.ts";
import { processesBelow } from "./leftovers.ts";
import type { TestNode } from "./namespace.ts";
import { runProgram } from "./program.ts";
import { waitUntil } from "./wait-until.ts";

/** What there is of each kind, a line each, sorted. */
export type HostPicture = Readonly<Record<string, readonly string[]>>;

export interface PictureOptions {
  /** Has containerd collect before what it would collect some time; true unless said otherwise. */
  readonly collect?: boolean;
  /** Also shows the FIFOs in stock, which come and go with the demand. */
  readonly stock?: boolean;
}

/** Everything of the host that containers make use of, for comparing one moment with another. */
export async function takePicture(
  node: TestNode,
  { collect = true, stock = false }: PictureOptions = {},
): Promise<HostPicture> {
  const { dataRoot, runRoot } = node.host;
  if (collect) await collectGarbage(node.client);
  const { client } = node;
  const [rules, rules6, links, namespaces] = await Promise.all([
    runProgram("iptables-save", []),
    runProgram("ip6tables-save", [], { mayFail: true }),
    runProgram("ip", ["-oneline", "link", "show"]),
    runProgram("ip", ["netns", "list"]),
  ]);
  const places = [...new Set([dirname(node.host.address), dirname(runRoot)])];
  const processes = (await Promise.all(places.map(processesBelow))).flat();
  const picture: Record<string, readonly string[]> = {
    iptables: rulesOf(rules.stdout),
    ip6tables: rulesOf(rules6.stdout),
    // An interface's index and its other end are not what it is about.
    links: links.stdout.split("\n").map((line) => line.split(": ")[1]?.split("@")[0] ?? ""),
    netns: namespaces.stdout.split("\n").map((line) => line.split(" ")[0] ?? ""),
    mounts: await mountPoints(),
    cni: await filesBelow("/var/lib/cni"),
    data: await filesBelow(dataRoot),
    run: (await filesBelow(runRoot)).filter((path) => stock || !path.includes("/fifos/")),
    images: (await client.images.list()).map(({ name, target }) => `${name} ${target.digest}`),
    content: (await client.content.list()).map(({ digest }) => digest),
    ingests: (await client.content.statuses()).map(({ ref }) => ref),
    snapshots: (await client.snapshots.list()).map(({ name, kind }) => `${kind} ${name}`),
    leases: (await client.leases.list()).map(({ id }) => id),
    containers: (await client.containers.list()).map(({ id }) => id),
    tasks: (await client.tasks.list()).map(({ containerId, status }) => `${containerId} ${status}`),
    processes: processes.map(({ commandLine }) => withoutSupervisor(commandLine)),
    fifos: (await Promise.all(processes.map(({ pid }) => openFifos(pid, runRoot)))).flat(),
  };
  return Object.fromEntries(
    Object.entries(picture).map(([kind, lines]) => [kind, lines.filter((line) => line !== "").sort()]),
  );
}

/** What a later picture has more (`+`) and less (`-`) than an earlier one, for a person to read; `""` if they are equal. */
export function comparePictures(before: HostPicture, after: HostPicture): string {
  const kinds = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return kinds.flatMap((kind) => compareLines(kind, before[kind] ?? [], after[kind] ?? [])).join("\n");
}

/**
 * Waits until the host looks as before, whatever there is of some kinds: what ends a container does not wait for all
 * that is given back.
 */
export async function looksAsBefore(
  node: TestNode,
  before: HostPicture,
  { except = [] }: { readonly except?: readonly string[] } = {},
): Promise<void> {
  const relevant = (picture: HostPicture) =>
    Object.fromEntries(Object.entries(picture).filter(([kind]) => !except.includes(kind)));
  let difference = "";
  try {
    await waitUntil(
      "the host looks as before",
      async () => {
        difference = comparePictures(relevant(before), relevant(await takePicture(node)));
        return difference === "";
      },
      60_000,
    );
  } catch (cause) {
    throw new Error(`the host does not look as before:\n${difference}`, { cause });
  }
}

function compareLines(kind: string, before: readonly string[], after: readonly string[]): string[] {
  const surplus = (lines: readonly string[], others: readonly string[]) => {
    const left = [...others];
    return lines.filter((line) => {
      const index = left.indexOf(line);
      if (index !== -1) left.splice(index, 1);
      return index === -1;
    });
  };
  return [
    ...surplus(after, before).map((line) => `+ ${kind}: ${line}`),
    ...surplus(before, after).map((line) => `- ${kind}: ${line}`),
  ];
}

/** containerd frees what nothing refers to when it likes; by the deletion of a lease it can be asked to. */
async function collectGarbage({ leases }: Containerd): Promise<void> {
  const { id } = await leases.create();
  await leases.delete(id, { sync: true });
}

/** Rules and chains, without counters. Built-in chains appear once a table has been looked at, so they say nothing. */
function rulesOf(saved: string): string[] {
  const lines = saved.split("\n").map((line) => line.replace(/ \[\d+:\d+\]$/, ""));
  return lines.filter((line) => /^(-A|:)/.test(line) && !/^:[A-Z]+ ACCEPT$/.test(line));
}

async function mountPoints(): Promise<string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table.split("\n").map((line) => line.split(" ")[4] ?? "");
}

/** Files, and what is empty of a container, by their path; what is in them is not compared. */
async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  if (entries.length === 0) return /[0-9a-f]{64}$/.test(directory) ? [`${directory}/`] : [];
  const below = entries.map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return await filesBelow(path);
    return [`${path}${entry.isFIFO() ? "|" : entry.isSocket() ? "=" : ""}`];
  });
  return (await Promise.all(below)).flat();
}

/** A supervisor is like another, whatever its process and settings. */
function withoutSupervisor(commandLine: string): string {
  return /^wharf-supervisor|supervisor\.cjs/.test(commandLine) ? "" : commandLine;
}

/** Descriptors that a process has on FIFOs of wharf's. */
async function openFifos(pid: number, runRoot: string): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.filter((target) => target.startsWith(`${runRoot}/`) && !/\.(pid|sock)$/.test(target));
}
