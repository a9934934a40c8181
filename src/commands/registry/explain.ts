import { Command } from "../../cli/command.ts";
import { explanationText } from "../../cli/explanation-text.ts";
import { registryFlags } from "../../cli/flags/registry.ts";
import { formatObject, parseFormat } from "../../cli/format.ts";
import { objectFormatFlag } from "../../cli/format-flag.ts";
import { print } from "../../cli/output.ts";
import { Args } from "../../cli/parameters.ts";
import { Reference } from "../../model/reference.ts";

export default class RegistryExplain extends Command {
  static override summary = "Show which hosts, mirrors, credentials and files an image is pulled by, and try them";
  static override usage = "[OPTIONS] IMAGE";
  static override examples = ["registry explain busybox", "registry explain --format json ghcr.io/user/app:1.2"];
  static override args = { image: Args.string({ required: true }) };
  static override flags = { ...registryFlags, format: objectFormatFlag };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RegistryExplain);
    const { format = "" } = flags;
    if (format !== "" && format !== "json") parseFormat(format);
    const reference = Reference.parse(args.image).withDefaultTag();
    await using engine = await this.openEngine("registry");
    const explanation = await engine.registry.explain(reference, { signal: this.signal });
    print(format === "" ? explanationText(explanation) : formatObject(explanation, format));
    if (explanation.chosen === undefined) this.exitCode = 1;
  }
}
