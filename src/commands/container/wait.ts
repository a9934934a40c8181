import { Command } from "../../cli/command.ts";
import { containerPath } from "../../cli/container-path.ts";
import { Args } from "../../cli/parameters.ts";
import { EngineError } from "../../errors.ts";
import type { ContainerWait as WaitAnswer } from "../../model/container-view.ts";

export default class ContainerWait extends Command {
  static override summary = "Block until one or more containers stop, then print their exit codes";
  static override aliases = ["wait"];
  static override args = { container: Args.string({ required: true, multiple: true }) };

  async run(): Promise<void> {
    const { args } = await this.parse(ContainerWait);
    const api = await this.openSupervisor();
    await this.forEachTarget(args.container, async (name) => {
      const answer = await api.request<WaitAnswer>("POST", containerPath(name, "wait"), {
        signal: this.signal,
        repeatable: true,
      });
      if (answer.Error !== undefined) throw new EngineError("internal", answer.Error.Message);
      return String(answer.StatusCode);
    });
  }
}
