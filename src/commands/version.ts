import { Command } from "../cli/command.ts";
import { Flags } from "../cli/parameters.ts";

export default class Version extends Command {
  static override summary = "Show the wharf version information";
  static override flags = {
    format: Flags.string({ char: "f", helpValue: "string", summary: "Format output using a custom template" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Version);
    const x: string | undefined = flags.format;
    this.log(`x ${x}`);
  }
}
