import { Command } from "../../../cli/command.ts";
import { commandSearchPath } from "../../../cli/search-path.ts";
import { standaloneLayoutOf } from "../../../cli/settings.ts";
import { startStandalone } from "../../../engine/host/standalone.ts";
import { makePrivateDirectory } from "../../../store/private-directory.ts";

export default class SystemStandaloneStart extends Command {
  static override summary = "Start wharf's own containerd";
  static override description =
    "Keeps a containerd under wharf's data root, apart from any other on this host. Other commands use it when the " +
    "host's own containerd does not run and no other address is given.";

  override async run(): Promise<void> {
    await this.parse(SystemStandaloneStart);
    const layout = standaloneLayoutOf(process.env);
    for (const directory of [layout.root, layout.state]) makePrivateDirectory(directory);
    const searchPath = commandSearchPath(process.env);
    const pid = await startStandalone(layout, { searchPath, signal: this.signal });
    this.log(`containerd runs (pid ${pid}) on ${layout.socket}`);
  }
}
