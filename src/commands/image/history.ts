import { Command } from "../../cli/command.ts";
import { formatRows } from "../../cli/format.ts";
import { historyRows, historyTable } from "../../cli/history-rows.ts";
import { print } from "../../cli/output.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { readImageHistory } from "../../engine/images/history.ts";

export default class ImageHistory extends Command {
  static override summary = "Show the history of an image";
  static override aliases = ["history"];
  static override examples = ["history busybox", "history --no-trunc --format '{{.CreatedBy}}' busybox"];
  static override args = { image: Args.string({ required: true }) };
  static override flags = {
    format: Flags.string({
      helpValue: "string",
      summary: "Format output: 'table', 'table TEMPLATE', 'json', TEMPLATE",
    }),
    human: Flags.boolean({
      char: "H",
      allowNo: true,
      default: true,
      summary: "Print sizes and dates in human readable format",
    }),
    "no-trunc": Flags.boolean({ summary: "Don't truncate output" }),
    platform: platformFlag("Show history for the given platform"),
    quiet: Flags.boolean({ char: "q", summary: "Only show image IDs" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageHistory);
    const { human, quiet, format = "" } = flags;
    const request = { image: args.image, platform: chosenPlatform(flags.platform) };
    await using engine = await this.openEngine();
    const steps = await readImageHistory(engine, request, { signal: this.signal });
    const isTable = format === "" || format === "table";
    const chosen = isTable ? (quiet ? "{{.ID}}" : historyTable({ human })) : format;
    print(formatRows(historyRows({ truncated: !flags["no-trunc"], human }), steps, chosen));
  }
}
