import { Command } from "../../../cli/command.ts";
import { standaloneLayoutOf } from "../../../cli/settings.ts";
import { standaloneStatus } from "../../../engine/host/standalone.ts";

export default class SystemStandaloneStatus extends Command {
  static override summary = "Tell whether wharf's own containerd runs; exit code 3 if it does not";

  override async run(): Promise<void> {
    await this.parse(SystemStandaloneStatus);
    const layout = standaloneLayoutOf(process.env);
    const { running, pid } = await standaloneStatus(layout);
    this.log(running ? `containerd runs (pid ${pid}) on ${layout.socket}` : "containerd does not run");
    if (!running) this.exitCode = 3;
  }
}
