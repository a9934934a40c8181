import { Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args } from "../../cli/parameters.ts";
import { EngineError } from "../../errors.ts";

export default class ContainerRename extends Command {
  static override summary = "Rename a container";
  static override aliases = ["rename"];
  static override args = { container: Args.string({ required: true }), new_name: Args.string({ required: true }) };

  async run(): Promise<void> {
    const { args } = await this.parse(ContainerRename);
    const [from, to] = [args.container.trim(), args.new_name.trim()];
    // An empty one would name another route of the API.
    if (from === "" || to === "") throw new EngineError("invalid-argument", "neither old nor new names may be empty");
    const api = await this.openSupervisor();
    await api.request("POST", containerPath(from, "rename"), { query: { name: to } });
  }
}
