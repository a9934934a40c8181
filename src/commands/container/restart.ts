import { Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args } from "../../cli/parameters.ts";
import { stopFlags } from "../../cli/stop-flags.ts";

export default class ContainerRestart extends Command {
  static override summary = "Restart one or more containers";
  static override aliases = ["restart"];
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = stopFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerRestart);
    const api = await this.openSupervisor();
    const query = { signal: flags.signal, t: flags.timeout };
    await this.forEachTarget(args.container, async (name) => {
      await api.request("POST", containerPath(name, "restart"), { query });
      return name;
    });
  }
}
