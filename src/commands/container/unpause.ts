import { AT_ONCE, Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args } from "../../cli/parameters.ts";

export default class ContainerUnpause extends Command {
  static override summary = "Unpause all processes within one or more containers";
  static override aliases = ["unpause"];
  static override args = { container: Args.string({ required: true, multiple: true }) };

  async run(): Promise<void> {
    const { args } = await this.parse(ContainerUnpause);
    const api = await this.openSupervisor();
    const unpause = async (name: string) => {
      await api.request("POST", containerPath(name, "unpause"));
      return name;
    };
    await this.forEachTarget(args.container, unpause, { concurrency: AT_ONCE });
  }
}
