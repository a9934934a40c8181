import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningCli } from "../support/cli.ts";
import { busyboxImage, ociArchive, randomLayer } from "../support/images.ts";
import { Random } from "../support/random.ts";
import { pushImage } from "../support/registry.ts";
import { Report } from "./report.ts";
import { Stage } from "./stage.ts";

const ROUNDS = Number(process.env.WHARF_CHAOS_ROUNDS || 10);
const SEED = Number(process.env.WHARF_CHAOS_SEED || randomInt(2 ** 31));
/** A command is killed, or something it needs, within this time of its start. */
const LONGEST_DELAY_MS = 700;
const SCRIPT = 'echo begun; trap "echo told; exit 3" TERM; while :; do usleep 20000; done';

const VICTIMS = ["command", "supervisor", "containerd", "shim"] as const;
type Victim = (typeof VICTIMS)[number];

const CHECKED =
  "the container can be started and removed, its name and the image can be had again; the bystander runs; the host is as before";

const COMMANDS = ["pull", "load", "save", "run", "run -d --rm", "start", "exec", "stop", "restart", "rm"] as const;
type Command = (typeof COMMANDS)[number];

/** An image that only these tests use, in a registry and as an archive. */
interface Goods {
  readonly reference: string;
  readonly archive: Buffer;
}

let stage: Stage;
let goods: Goods;
const report = new Report();

beforeAll(async () => {
  stage = await Stage.open();
  const image = await busyboxImage({ layers: [randomLayer(2_000_000, "one"), randomLayer(1_000_000, "two")] });
  const reference = await pushImage(stage.registry, "goods", image);
  goods = { reference, archive: await ociArchive(image, [reference]) };
  await stage.startBystander();
});

afterAll(async () => {
  report.print(`kill -9 at random times, WHARF_CHAOS_SEED=${SEED} WHARF_CHAOS_ROUNDS=${ROUNDS}`);
  await stage[Symbol.asyncDispose]();
});

describe(`kill -9 at random times, WHARF_CHAOS_SEED=${SEED}`, () => {
  const random = new Random(SEED);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => ({
    round,
    command: random.pick(COMMANDS),
    victim: random.pick(VICTIMS),
    delayMs: random.below(LONGEST_DELAY_MS),
  }));

  it.each(rounds)(
    "round $round: the $victim, $delayMs ms into $command",
    async ({ round, command, victim, delayMs }) => {
      const name = `round-${round}`;
      await prepare(command, name);
      const running = begin(command, name);
      await delay(delayMs);
      await kill(victim, running, name);
      // However it ends, it ends.
      await running.result;
      await checkContainer(name);
      await checkImage();
      await stage.checkBystander();
      await stage.checkHost();
      report.add({ killed: victim, during: command, at: `${delayMs} ms after its start`, checked: CHECKED });
    },
  );

  it("leaves the bystander's output complete", async () => {
    await stage.checkBystanderOutput();
  });
});

/** What has to be there before the command. */
async function prepare(command: Command, name: string): Promise<void> {
  const { node } = stage;
  if (command === "save") await node.succeed("pull", "-q", goods.reference);
  const options = ["--name", name, "-p", `${stage.takePort()}:80`];
  if (command === "start") await node.succeed("create", ...options, "busybox", "sh", "-c", SCRIPT);
  if (["exec", "stop", "restart", "rm"].includes(command)) {
    await node.succeed("run", "-d", ...options, "busybox", "sh", "-c", SCRIPT);
  }
}

function begin(command: Command, name: string): RunningCli {
  const run = ["--name", name, "-p", `${stage.takePort()}:80`];
  const lines: Readonly<Record<Command, readonly string[]>> = {
    pull: ["pull", "-q", goods.reference],
    load: ["load"],
    save: ["save", "-o", `${stage.directory}/saved.tar`, goods.reference],
    run: ["run", ...run, "busybox", "sh", "-c", "seq 1 2000; sleep 0.3"],
    "run -d --rm": ["run", "-d", "--rm", ...run, "busybox", "sleep", "0.5"],
    start: ["start", name],
    exec: ["exec", name, "sh", "-c", "seq 1 2000; sleep 0.3"],
    stop: ["stop", name],
    restart: ["restart", name],
    rm: ["rm", "-f", name],
  };
  const running = stage.node.start(command === "load" ? { stdin: goods.archive } : {}, ...lines[command]);
  if (command !== "load") running.endStdin();
  return running;
}

async function kill(victim: Victim, running: RunningCli, name: string): Promise<void> {
  if (victim === "command") running.kill("SIGKILL");
  else if (victim === "supervisor") await stage.killSupervisor();
  else if (victim === "containerd") await stage.containerd.restart("kill");
  // There may be none yet, or none any more.
  else await stage.killShim(name).catch(() => undefined);
}

/** Whatever has become of the container, it can be started and removed, and its name had again. */
async function checkContainer(name: string): Promise<void> {
  const { node } = stage;
  await node.succeed("ps", "-a");
  const { exitCode, stderr } = await node.cli("start", name);
  if (exitCode !== 0) expect(stderr).toContain("No such container");
  await stage.untilGone(name);
  expect(await node.succeed("run", "--rm", "--name", name, "busybox", "echo", "again")).toBe("again");
}

/** Whatever has become of the image, it can be had and removed. */
async function checkImage(): Promise<void> {
  const { node } = stage;
  expect(await node.succeed("pull", "-q", goods.reference)).toBe(goods.reference);
  await node.succeed("save", "-o", `${stage.directory}/saved.tar`, goods.reference);
  await node.succeed("rmi", goods.reference);
}
