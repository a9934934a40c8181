import { Command } from "../../cli/command.ts";
import { accepts, supervisorApi } from "../../cli/open-supervisor.ts";
import { apiSocketPath } from "../../store/layout.ts";

export default class SupervisorStop extends Command {
  static override summary = "Stop the supervisor; containers run on, and their output waits for the next one";
  static override examples = ["supervisor stop"];

  async run(): Promise<void> {
    await this.parse(SupervisorStop);
    if (!(await accepts(apiSocketPath(this.settings)))) {
      this.warn("the supervisor does not run");
      return;
    }
    const api = supervisorApi(this.settings);
    // The answer ends when the supervisor does.
    const response = await api.stream("POST", "/wharf/shutdown", { signal: this.signal });
    response.resume();
    await new Promise((resolve) => response.once("close", resolve));
  }
}
