import { AT_ONCE, Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args } from "../../cli/parameters.ts";

export default class ContainerPause extends Command {
  static override summary = "Pause all processes within one or more containers";
  static override aliases = ["pause"];
  static override args = { container: Args.string({ required: true, multiple: true }) };

  async run(): Promise<void> {
    const { args } = await this.parse(ContainerPause);
    const api = await this.openSupervisor();
    const pause = async (name: string) => {
      await api.request("POST", containerPath(name, "pause"));
      return name;
    };
    await this.forEachTarget(args.container, pause, { concurrency: AT_ONCE });
  }
}
