import { Command } from "../../../cli/command.ts";
import { standaloneLayoutOf } from "../../../cli/settings.ts";
import { stopStandalone } from "../../../engine/host/standalone.ts";

export default class SystemStandaloneStop extends Command {
  static override summary = "Stop wharf's own containerd; its containers run on";

  override async run(): Promise<void> {
    await this.parse(SystemStandaloneStop);
    const stopped = await stopStandalone(standaloneLayoutOf(process.env), this.signal);
    this.log(stopped ? "containerd stopped" : "containerd does not run");
  }
}
