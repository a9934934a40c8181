import { afterAll, beforeAll, describe, it } from "vitest";
import { type Killed, Report } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { shareOf } from "./share.ts";
import { Stage } from "./stage.ts";

const CHECKED_BESIDE = "the bystander runs, with every line that it wrote; the host is as it was before";
const CHECKED_ALONE = "the host is as it was before";

/** Plays the scenarios, or what `WHARF_CHAOS_SHARE` says of their points, beside a container that must not notice. */
export function playAll(killed: Killed, scenarios: readonly Scenario[]): void {
  const share = process.env.WHARF_CHAOS_SHARE ?? "";
  play(killed, shareOf(scenarios, share), share === "" ? "" : `, WHARF_CHAOS_SHARE=${share}`);
}

/** Plays scenarios for which no container may run. */
export function playAlone(killed: Killed, scenarios: readonly Scenario[]): void {
  play(killed, scenarios, ", with no container beside", { alone: true });
}

/** Defines a test for each point of the scenarios, all of them on one stage, and prints a table at the end. */
function play(killed: Killed, scenarios: readonly Scenario[], circumstances: string, { alone = false } = {}): void {
  let stage: Stage;
  const report = new Report();

  beforeAll(async () => {
    stage = await Stage.open();
    if (alone) {
      // The network's configuration stays when there is nobody on it.
      await stage.node.succeed("run", "--rm", "busybox", "true");
      await stage.node.succeed("supervisor", "stop");
      await stage.remember();
    } else await stage.startBystander();
  });

  afterAll(async () => {
    report.print(`the ${killed}, killed at a fault point${circumstances}`);
    await stage[Symbol.asyncDispose]();
  });

  for (const { what, points, checks, play } of scenarios) {
    describe(`the ${killed}, killed during ${what}`, () => {
      it.each(points)("at %s", async (point) => {
        await play(stage, point, `x-${point.replace(".", "-")}`);
        if (!alone) await stage.checkBystander();
        await stage.checkHost();
        const checked = `${checks}; ${alone ? CHECKED_ALONE : CHECKED_BESIDE}`;
        report.add({ killed, during: what, at: point, checked });
      });
    });
  }

  if (alone) return;
  it(`the ${killed} killed all the time, the bystander's output is complete`, async () => {
    await stage.checkBystanderOutput();
  });
}
