import { Command } from "../../cli/command.ts";
import { followContainer } from "../../cli/follow-container.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { EngineError } from "../../errors.ts";
import type { ContainerInspect } from "../../model/container-view.ts";

export default class ContainerStart extends Command {
  static override summary = "Start one or more stopped containers";
  static override aliases = ["start"];
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = {
    attach: Flags.boolean({ char: "a", summary: "Attach STDOUT/STDERR and forward signals" }),
    "detach-keys": Flags.string({
      helpValue: "string",
      summary: "Override the key sequence for detaching a container",
    }),
    interactive: Flags.boolean({ char: "i", summary: "Attach container's STDIN" }),
    checkpoint: Flags.string({ helpValue: "string", summary: "Restore from this checkpoint", hidden: true }),
    "checkpoint-dir": Flags.string({ helpValue: "string", summary: "Where checkpoints lie", hidden: true }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerStart);
    for (const name of ["checkpoint", "checkpoint-dir"] as const) {
      if (flags[name] !== undefined) this.warn(`--${name} has no effect: checkpoints are not restored yet`);
    }
    if (flags.attach || flags.interactive) {
      await this.startAttached(args.container, flags);
      return;
    }
    const api = await this.openSupervisor();
    await this.forEachTarget(args.container, async (name) => {
      await api.request("POST", `/containers/${encodeURIComponent(name)}/start`, { signal: this.signal });
      this.log(name);
    });
  }

  private async startAttached(
    names: readonly string[],
    flags: { readonly interactive: boolean; readonly "detach-keys": string | undefined },
  ): Promise<void> {
    const [name, ...others] = names;
    if (name === undefined || others.length > 0) {
      throw new EngineError("invalid-argument", "you cannot start and attach multiple containers at once");
    }
    const api = await this.openSupervisor();
    const path = `/containers/${encodeURIComponent(name)}/json`;
    const container = await api.request<ContainerInspect>("GET", path);
    const { Id: id, Config: config, HostConfig: hostConfig, State: state } = container;
    this.releaseInterrupts();
    this.exitCode = await followContainer(api, {
      containerId: id,
      startedBefore: state.StartedAt,
      reopen: () => this.openSupervisor(),
      terminal: config.Tty,
      streams: {
        stdin: flags.interactive && config.OpenStdin ? process.stdin : undefined,
        stdout: process.stdout,
        stderr: process.stderr,
      },
      detachKeys: flags["detach-keys"],
      signalProxy: !config.Tty,
      until: hostConfig.AutoRemove ? "removed" : "next-exit",
      start: (query) => api.request("POST", `/containers/${id}/start`, { query: { ...query } }),
    });
  }
}
