import { AT_ONCE, Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args } from "../../cli/parameters.ts";
import { stopFlags } from "../../cli/stop-flags.ts";

export default class ContainerStop extends Command {
  static override summary = "Stop one or more running containers";
  static override aliases = ["stop"];
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = stopFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerStop);
    const api = await this.openSupervisor();
    const query = { signal: flags.signal, t: flags.timeout };
    const stop = async (name: string) => {
      await api.request("POST", containerPath(name, "stop"), { query });
      return name;
    };
    await this.forEachTarget(args.container, stop, { concurrency: AT_ONCE });
  }
}
