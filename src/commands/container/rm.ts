import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";

export default class ContainerRm extends Command {
  static override summary = "Remove one or more containers";
  static override aliases = ["rm", "container:remove"];
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = {
    force: Flags.boolean({ char: "f", summary: "Force the removal of a running container (uses SIGKILL)" }),
    link: Flags.boolean({ char: "l", summary: "Remove the specified link" }),
    volumes: Flags.boolean({ char: "v", summary: "Remove anonymous volumes associated with the container" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerRm);
    const api = await this.openSupervisor();
    await this.forEachTarget(args.container, async (name) => {
      const query = { force: flags.force, v: flags.volumes, link: flags.link };
      await api.request("DELETE", `/containers/${encodeURIComponent(name)}`, { query });
      this.log(name);
    });
  }
}
