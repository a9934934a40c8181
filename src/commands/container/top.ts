import { Command } from "../../cli/command.ts";
import { print } from "../../cli/output.ts";
import { Args } from "../../cli/parameters.ts";
import { alignColumns } from "../../cli/table.ts";
import { resolveContainer } from "../../engine/containers/resolve.ts";
import { listContainerProcesses } from "../../engine/containers/top.ts";

export default class ContainerTop extends Command {
  static override summary = "Display the running processes of a container";
  static override aliases = ["top"];
  static override usage = "CONTAINER [ps OPTIONS]";
  static override args = { container: Args.string({ required: true }), ps_options: Args.string({ multiple: true }) };
  static override stopAtPositional = true;

  async run(): Promise<void> {
    const { args } = await this.parse(ContainerTop);
    await using engine = await this.openEngine();
    const context = { signal: this.signal };
    const container = await resolveContainer(engine, args.container, context);
    const request = { psArguments: (args.ps_options ?? []).join(" ") };
    const { Titles, Processes } = await listContainerProcesses(engine, container, request, context);
    const rows = [Titles, ...Processes].map((cells) => `${cells.join("\t")}\n`);
    print(alignColumns(rows.join(""), { minWidth: 20 }));
  }
}
