import { Command } from "../../cli/command.ts";
import { followContainer } from "../../cli/follow-container.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { EngineError } from "../../errors.ts";
import type { ContainerInspect } from "../../model/container-view.ts";

export default class ContainerAttach extends Command {
  static override summary = "Attach local standard input, output, and error streams to a running container";
  static override aliases = ["attach"];
  static override args = { container: Args.string({ required: true }) };
  static override flags = {
    "detach-keys": Flags.string({
      helpValue: "string",
      summary: "Override the key sequence for detaching a container",
    }),
    "no-stdin": Flags.boolean({ summary: "Do not attach STDIN" }),
    "sig-proxy": Flags.boolean({
      summary: "Proxy all received signals to the process",
      default: true,
      allowNo: true,
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerAttach);
    const api = await this.openSupervisor();
    const path = `/containers/${encodeURIComponent(args.container)}/json`;
    const container = await api.request<ContainerInspect>("GET", path, { signal: this.signal });
    requireAttachable(container);
    const { Tty: terminal, OpenStdin: hasStdin } = container.Config;
    this.releaseInterrupts();
    this.exitCode = await followContainer(api, {
      containerId: container.Id,
      reopen: () => this.openSupervisor(),
      terminal,
      streams: {
        stdin: hasStdin && !flags["no-stdin"] ? process.stdin : undefined,
        stdout: process.stdout,
        stderr: process.stderr,
      },
      detachKeys: flags["detach-keys"],
      signalProxy: flags["sig-proxy"] && !terminal,
      detachingFails: true,
      until: "not-running",
    });
  }
}

function requireAttachable({ State: state }: ContainerInspect): void {
  const refuse = (reason: string) => new EngineError("failed-precondition", `You cannot attach to a ${reason}`);
  if (!state.Running) throw refuse("stopped container, start it first");
  if (state.Paused) throw refuse("paused container, unpause it first");
  if (state.Restarting) throw refuse("restarting container, wait until it is running");
}
