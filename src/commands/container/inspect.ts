import { InspectCommand, inspectFormatFlag } from "../../cli/inspect-command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { inspectContainer } from "../../engine/containers/inspect.ts";

export default class ContainerInspect extends InspectCommand {
  static override summary = "Display detailed information on one or more containers";
  static override args = { container: Args.string({ required: true, multiple: true }) };
  static override flags = {
    format: inspectFormatFlag,
    size: Flags.boolean({ char: "s", summary: "Display total file sizes" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerInspect);
    await using engine = await this.openEngine();
    const find = (nameOrId: string) => {
      return inspectContainer(engine, { nameOrId, size: flags.size }, { signal: this.signal });
    };
    await this.inspectEach(args.container, find, flags.format);
  }
}
