import { type Command, measure, residentBytes } from "./measure.ts";
import { command, type Peer, type PeerName } from "./peer.ts";

/** What a row is measured with. */
export interface Stage {
  /** A small image that every peer has. */
  readonly image: string;
  /** A reference in the loopback registry, 300 MB in 8 layers, that no peer has. */
  readonly largeImage: string;
  /** Drops what no image refers to any more, so that the next pull fetches all of it. */
  collectGarbage(peer: Peer): Promise<void>;
}

export type Unit = "ms" | "MB";

/** One line of the table. `measure` returns one value; it is asked `runs` times, the peers taking turns. */
export interface Row {
  readonly name: string;
  readonly unit: Unit;
  readonly runs: number;
  readonly peers: readonly PeerName[];
  /** Done once for each peer, before all of the row's runs. */
  prepare?(peer: Peer, stage: Stage): Promise<void>;
  measure(peer: Peer, stage: Stage): Promise<number>;
}

const ALL: readonly PeerName[] = ["wharf", "ctr", "docker", "nerdctl"];
const DOCKER_LIKE: readonly PeerName[] = ["wharf", "docker", "nerdctl"];
const FLOOD_BYTES = 100_000_000;
/** Lines of 64 bytes, as a log has lines. */
const FLOOD = `yes 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde | head -c ${FLOOD_BYTES}`;
const CROWD = 50;
const BYTES_PER_MB = 1_000_000;

let serial = 0;

/** A name that no container has had. */
function freshName(): string {
  serial += 1;
  return `bench-${process.pid}-${serial}`;
}

async function elapsed(line: Command): Promise<number> {
  return (await measure(line)).elapsedMs;
}

async function output(line: Command): Promise<string> {
  return (await measure(line, { collect: true })).stdout;
}

function runLine(peer: Peer, stage: Stage, network: "none" | "host" | "bridge", ...words: string[]): Command {
  if (peer.name !== "ctr") return command(peer, "run", "--rm", "--network", network, stage.image, ...words);
  return command(
    peer,
    "run",
    "--rm",
    ...(network === "host" ? ["--net-host"] : []),
    stage.image,
    freshName(),
    ...words,
  );
}

function runRow(network: "none" | "host" | "bridge", peers: readonly PeerName[]): Row {
  return {
    name: `run --rm, network ${network}`,
    unit: "ms",
    runs: 11,
    peers,
    measure: (peer, stage) => elapsed(runLine(peer, stage, network, "true")),
  };
}

function psRow(state: string): Row {
  return {
    name: `ps, ${state}`,
    unit: "ms",
    runs: 11,
    peers: ALL,
    measure: (peer) => elapsed(peer.name === "ctr" ? command(peer, "containers", "ls") : command(peer, "ps")),
  };
}

async function runDetached(peer: Peer, stage: Stage, ...words: string[]): Promise<string> {
  return (await output(command(peer, "run", "-d", stage.image, ...words))).trim();
}

async function removeAll(peer: Peer): Promise<void> {
  const ids = (await output(command(peer, "ps", "-aq"))).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await measure(command(peer, "rm", "-f", ...ids));
}

const crowd: readonly Row[] = [
  {
    name: `run -d, each of ${CROWD}`,
    unit: "ms",
    runs: CROWD,
    peers: DOCKER_LIKE,
    measure: (peer, stage) => elapsed(command(peer, "run", "-d", stage.image, "sleep", "100000")),
  },
  {
    name: `memory with ${CROWD} idle containers, less the shims`,
    unit: "MB",
    runs: 1,
    peers: DOCKER_LIKE,
    measure: async (peer) => await megabytes(await peer.enginePid(), peer.containerdPid),
  },
  {
    name: "of that, the supervisor or dockerd",
    unit: "MB",
    runs: 1,
    peers: ["wharf", "docker"],
    measure: async (peer) => await megabytes(await peer.enginePid()),
  },
  {
    name: `the same for each of the next ${CROWD}`,
    unit: "MB",
    runs: 1,
    peers: ["wharf", "docker"],
    measure: async (peer, stage) => {
      const before = await megabytes(await peer.enginePid());
      for (let count = 0; count < CROWD; count += 1) await runDetached(peer, stage, "sleep", "100000");
      return ((await megabytes(await peer.enginePid())) - before) / CROWD;
    },
  },
  psRow(`${2 * CROWD} running`),
  {
    name: `rm -f of ${CROWD} running`,
    unit: "ms",
    runs: 2,
    peers: DOCKER_LIKE,
    measure: async (peer) => {
      const ids = (await output(command(peer, "ps", "-q"))).split("\n").filter((id) => id !== "");
      return await elapsed(command(peer, "rm", "-f", ...ids.slice(0, CROWD)));
    },
  },
];

async function megabytes(...pids: number[]): Promise<number> {
  const sizes = await Promise.all(pids.map(residentBytes));
  return sizes.reduce((sum, size) => sum + size, 0) / BYTES_PER_MB;
}

const floods: readonly Row[] = [
  {
    name: "100 MB through a foreground run",
    unit: "ms",
    runs: 3,
    peers: ["wharf", "ctr", "docker"],
    measure: (peer, stage) => elapsed(runLine(peer, stage, "none", "sh", "-c", FLOOD)),
  },
  {
    name: "logs of 100 MB",
    unit: "ms",
    runs: 3,
    peers: ["wharf", "docker"],
    measure: async (peer, stage) => {
      const id = await runDetached(peer, stage, "sh", "-c", FLOOD);
      await measure(command(peer, "wait", id));
      const taken = await elapsed(command(peer, "logs", id));
      await measure(command(peer, "rm", id));
      return taken;
    },
  },
];

async function pull(peer: Peer, stage: Stage): Promise<{ elapsedMs: number; peakBytes: number }> {
  const line =
    peer.name === "ctr"
      ? command(peer, "images", "pull", "--plain-http", stage.largeImage)
      : command(peer, "pull", "--quiet", stage.largeImage);
  const measured = await measure(line);
  await measure(
    peer.name === "ctr"
      ? command(peer, "images", "rm", "--sync", stage.largeImage)
      : command(peer, "rmi", stage.largeImage),
  );
  await stage.collectGarbage(peer);
  return measured;
}

const pulls: readonly Row[] = [
  {
    name: "pull, 300 MB in 8 layers",
    unit: "ms",
    runs: 3,
    peers: ALL,
    measure: async (peer, stage) => (await pull(peer, stage)).elapsedMs,
  },
  {
    name: "memory of that pull's command, at most",
    unit: "MB",
    runs: 1,
    peers: ["wharf", "ctr", "nerdctl"],
    measure: async (peer, stage) => (await pull(peer, stage)).peakBytes / BYTES_PER_MB,
  },
];

const TAGS = 100;

const images: Row = {
  name: `images, ${TAGS} of them`,
  unit: "ms",
  runs: 11,
  peers: ALL,
  prepare: async (peer, stage) => {
    // ctr looks at what wharf has made.
    if (peer.name === "ctr") return;
    for (let count = 1; count < TAGS; count += 1)
      await measure(command(peer, "tag", stage.image, `bench/image:${count}`));
  },
  measure: (peer) => elapsed(peer.name === "ctr" ? command(peer, "images", "ls") : command(peer, "images")),
};

/** In the order in which they are measured: some leave what the next ones want. */
export const ROWS: readonly Row[] = [
  {
    name: "version",
    unit: "ms",
    runs: 11,
    peers: ALL,
    measure: (peer) => elapsed(command(peer, "version")),
  },
  psRow("none there"),
  runRow("none", ALL),
  runRow("host", ALL),
  runRow("bridge", DOCKER_LIKE),
  {
    name: "exec true",
    unit: "ms",
    runs: 11,
    peers: DOCKER_LIKE,
    measure: async (peer, stage) => {
      const id = await runDetached(peer, stage, "sleep", "100000");
      const taken = await elapsed(command(peer, "exec", id, "true"));
      await removeAll(peer);
      return taken;
    },
  },
  ...crowd,
  images,
  ...pulls,
  ...floods,
];
