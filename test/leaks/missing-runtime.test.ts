import { expect, it } from "vitest";
import { looksAsBefore, takePicture } from "../support/host-picture.ts";
import { OwnHost } from "../support/own-host.ts";
import { runProgram } from "../support/program.ts";
import { waitUntil } from "../support/wait-until.ts";

it.each(["runc", "containerd-shim-runc-v2"])(
  "a host without %s says so, and nothing of what did not start is left",
  async (program) => {
    await using host = await OwnHost.start({ containerdWithout: [program] });
    const { node } = host;
    const failure = {
      exitCode: 125,
      stderr: `wharf: containerd finds no program ${program}, which it starts containers with\nrun: wharf system install\n`,
    };
    // What the first container lays on the host for good, whether it starts or not; its bridge goes a moment later.
    expect(await node.cli("run", "--rm", "-p", "80", "busybox", "true")).toMatchObject(failure);
    await waitUntil("the first one's bridge and its rules have gone", async () => {
      const links = await runProgram("ip", ["-o", "link", "show", "type", "bridge"]);
      const rules = await runProgram("iptables-save", []);
      return !links.stdout.includes("wharf") && !rules.stdout.includes("WHARF-");
    });
    const before = await takePicture(node);

    const removed = await node.cli("run", "--rm", "--name", "web", "-p", "80", "-v", "/data", "busybox", "true");
    const kept = await node.cli("run", "-d", "--name", "web", "-p", "80", "--restart", "always", "busybox", "true");

    expect(removed).toEqual({ ...failure, stdout: "" });
    expect(kept).toMatchObject(failure);
    expect(await node.succeed("ps", "-a", "--format", "{{.Names}} {{.State}}")).toBe("web created");
    await node.succeed("rm", "-v", "web");
    await looksAsBefore(node, before);
  },
);
