import { Command } from "../../cli/command.ts";
import { formatRows } from "../../cli/format.ts";
import { print } from "../../cli/output.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { VERIFY_TABLE, verifyRows } from "../../cli/verify-rows.ts";
import { verifyImage } from "../../engine/images/verify.ts";

export default class ImageVerify extends Command {
  static override summary = "Show of each platform of an image whether all of it is here";
  static override description =
    "Fails when a part of a platform is here and the rest is not, or when the platform asked for is not here whole.";
  static override examples = ["image verify alpine", "image verify --content --platform linux/arm64 alpine"];
  static override args = { image: Args.string({ required: true }) };
  static override flags = {
    content: Flags.boolean({ summary: "Read every blob, and check it against its digest" }),
    format: Flags.string({
      helpValue: "string",
      summary: "Format output: 'table', 'table TEMPLATE', 'json', TEMPLATE",
    }),
    platform: platformFlag("Look at this platform alone"),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageVerify);
    const platform = chosenPlatform(flags.platform);
    const request = { image: args.image, platform, content: flags.content };
    await using engine = await this.openEngine();
    const variants = await verifyImage(engine, request, { signal: this.signal });
    const format = flags.format === undefined || flags.format === "table" ? VERIFY_TABLE : flags.format;
    print(formatRows(verifyRows, variants, format));
    const isWhole = variants.some(({ state }) => state === "complete");
    if (!isWhole || variants.some(({ state }) => state === "broken")) this.exitCode = 1;
  }
}
