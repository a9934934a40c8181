import { pipeline } from "node:stream/promises";
import { Command } from "../../cli/command.ts";
import { writeOutputFile } from "../../cli/output-file.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { resolveContainer } from "../../engine/containers/resolve.ts";
import { exportContainer } from "../../engine/images/export.ts";
import { EngineError } from "../../errors.ts";
import { UnfinishedFiles } from "../../store/unfinished-files.ts";

export default class ContainerExport extends Command {
  static override summary = "Export a container's filesystem as a tar archive";
  static override aliases = ["export"];
  static override examples = ["export -o web.tar web", "export web | tar t"];
  static override args = { container: Args.string({ required: true }) };
  static override flags = {
    output: Flags.string({ char: "o", helpValue: "string", summary: "Write to a file, instead of STDOUT" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerExport);
    if (!flags.output && process.stdout.isTTY) {
      throw new EngineError("invalid-argument", "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    await using engine = await this.openEngine();
    const container = await resolveContainer(engine, args.container, { signal: this.signal });
    const archive = exportContainer(engine, container, { signal: this.signal });
    if (flags.output) {
      const unfinished = new UnfinishedFiles(this.settings);
      await writeOutputFile(flags.output, archive, { signal: this.signal, unfinished });
    } else {
      await pipeline(archive, process.stdout, { signal: this.signal, end: false });
    }
  }
}
