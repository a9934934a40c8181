import { Command } from "../../cli/command.ts";
import { accepts, supervisorApi } from "../../cli/open-supervisor.ts";
import { Flags } from "../../cli/parameters.ts";
import type { SupervisorStatus } from "../../model/supervisor-status.ts";
import { apiSocketPath } from "../../store/layout.ts";

export default class SupervisorStatusCommand extends Command {
  static override summary = "Tell whether the supervisor runs, and what it looks after; exit code 1 when it does not";
  static override examples = ["supervisor status", "supervisor status --format json"];
  static override flags = {
    format: Flags.string({ helpValue: "json", summary: "Print as JSON" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SupervisorStatusCommand);
    const socketPath = apiSocketPath(this.settings);
    if (!(await accepts(socketPath))) {
      this.exitCode = 1;
      this.log(flags.format === "json" ? JSON.stringify({ Running: false }) : "not running");
      return;
    }
    const status = await supervisorApi(this.settings).request<SupervisorStatus>("GET", "/wharf/status");
    if (flags.format === "json") {
      this.log(JSON.stringify({ Running: true, ...status }));
      return;
    }
    this.log(`running:     wharf ${status.Version}, process ${status.Pid}, since ${status.StartedAt}`);
    this.log(`socket:      unix://${socketPath}`);
    this.log(`containerd:  ${status.Address}`);
    this.log(`namespaces:  ${status.Namespaces.join(", ") || "none yet"}`);
    this.log(`containers:  ${status.Containers} running`);
    this.log(`memory:      ${(status.MemoryBytes / 1e6).toFixed(1)} MB`);
  }
}
