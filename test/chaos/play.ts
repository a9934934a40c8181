import { afterAll, beforeAll, describe, it } from "vitest";
import { Report } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";

/**
 * Defines a test for each point of the scenarios, all of them on one stage, and prints a table at the end. The bystander
 * is there, unless `alone` says that the scenarios need a host on which nothing runs.
 */
export function playAll(who: string, scenarios: readonly Scenario[], { alone = false } = {}): void {
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
    report.print(`${who}, killed at a fault point`);
    await stage[Symbol.asyncDispose]();
  });

  for (const { what, points, play } of scenarios) {
    describe(`${who}, killed during ${what}`, () => {
      it.each(points)("at %s", async (point) => {
        await play(stage, point, `x-${point.replace(".", "-")}`);
        if (!alone) await stage.checkBystander();
        await stage.checkHost();
        report.add(what, point);
      });
    });
  }

  it.skipIf(alone)(`${who} killed all the time, the bystander's output is complete`, async () => {
    await stage.checkBystanderOutput();
  });
}
