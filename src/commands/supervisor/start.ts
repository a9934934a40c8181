import { Command } from "../../cli/command.ts";
import { accepts, startSupervisor } from "../../cli/open-supervisor.ts";
import { apiSocketPath } from "../../store/layout.ts";

export default class SupervisorStart extends Command {
  static override summary = "Start the supervisor, which any command that needs it does by itself";
  static override examples = ["supervisor start"];

  async run(): Promise<void> {
    await this.parse(SupervisorStart);
    const socketPath = apiSocketPath(this.settings);
    if (!(await accepts(socketPath))) await startSupervisor(this.settings, { signal: this.signal });
    this.log(`unix://${socketPath}`);
  }
}
