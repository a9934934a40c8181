import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { repairImage, trimImage } from "../../engine/images/repair.ts";
import { formatDecimalSize } from "../../model/byte-size.ts";

export default class ImageRepair extends Command {
  static override summary = "Fetch what is missing of an image, or trim it to what is here";
  static override examples = [
    "image repair alpine",
    "image repair --platform linux/arm64 alpine",
    "image repair --trim alpine",
  ];
  static override args = { image: Args.string({ required: true }) };
  static override flags = {
    content: Flags.boolean({ summary: "Read every blob, and fetch those again that are damaged" }),
    platform: platformFlag("Make this platform whole, also where nothing of it is here"),
    quiet: Flags.boolean({ char: "q", summary: "Only show digests" }),
    trim: Flags.boolean({
      exclusive: ["platform", "content"],
      summary: "Fetch nothing: leave out of the image's index what is not here whole",
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageRepair);
    const { content, quiet, trim } = flags;
    if (trim) {
      await using engine = await this.openEngine();
      const target = await trimImage(engine, args.image, { signal: this.signal });
      if (target) this.log(quiet ? target.digest : `Trimmed: ${args.image} is ${target.digest} now`);
      else if (!quiet) this.log(`Nothing is missing of ${args.image}`);
      return;
    }
    const request = { image: args.image, platform: chosenPlatform(flags.platform), content };
    await using engine = await this.openEngine("registry");
    const fetched = await repairImage(engine, request, {
      signal: this.signal,
      onFetched: ({ digest, size }) => {
        this.log(quiet ? digest : `Fetched: ${digest} (${formatDecimalSize(size)})`);
      },
    });
    if (fetched.length === 0 && !quiet) this.log(`Nothing is missing of ${args.image}`);
  }
}
