import { AT_ONCE, Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { reportError } from "../../cli/report-error.ts";
import { isEngineError } from "../../errors.ts";

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
    const query = { force: flags.force, link: flags.link, v: flags.volumes };
    const remove = async (name: string) => {
      try {
        await api.request("DELETE", containerPath(name), { query });
        return name;
      } catch (error) {
        // -f forgives what is not there, and nothing else; it still says so.
        if (!flags.force || !isEngineError(error, "not-found")) throw error;
        reportError(error, { debug: this.settings.debug });
        return undefined;
      }
    };
    await this.forEachTarget(args.container, remove, { concurrency: AT_ONCE });
  }
}
