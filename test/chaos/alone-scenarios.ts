import { expect } from "vitest";
import type { Scenario } from "./scenario.ts";

/** What happens only where no container runs. */
export const ALONE_SCENARIOS: readonly Scenario[] = [
  {
    what: "the first run on a network",
    checks: "the command goes on, and the next run has a network",
    points: ["network.bridge-made"],
    async play(stage, point, name) {
      const result = await stage.strikeSupervisor(point, ["run", "-d", "--name", name, "busybox", "true"]);
      expect(result).toMatchObject({ exitCode: 0, stderr: "" });
      await stage.node.succeed("rm", "-f", name);
      expect(await stage.node.succeed("run", "--rm", "--name", name, "busybox", "echo", "again")).toBe("again");
      await stage.node.succeed("supervisor", "stop");
    },
  },
  {
    what: "the end of the last network",
    checks: "the next run has a network",
    points: ["network.bridge-dismantled"],
    async play(stage, point, name) {
      await stage.strikeRunning(point, async () => {
        await stage.node.succeed("run", "--rm", "--name", name, "busybox", "true");
        await stage.node.cli("supervisor", "stop");
      });
      expect(await stage.node.succeed("run", "--rm", "--name", name, "busybox", "echo", "again")).toBe("again");
      await stage.node.succeed("supervisor", "stop");
    },
  },
];
