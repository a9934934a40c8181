import { AT_ONCE, Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args, Flags } from "../../cli/parameters.ts";

export default class ContainerKill extends Command {
  static override summary = "Kill one or more running containers";
  static override aliases = ["kill"];
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = {
    signal: Flags.string({ char: "s", helpValue: "string", summary: "Signal to send to the container" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerKill);
    const api = await this.openSupervisor();
    const query = { signal: flags.signal };
    const kill = async (name: string) => {
      await api.request("POST", containerPath(name, "kill"), { query });
      return name;
    };
    await this.forEachTarget(args.container, kill, { concurrency: AT_ONCE });
  }
}
