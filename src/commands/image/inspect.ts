import { InspectCommand, inspectFormatFlag } from "../../cli/inspect-command.ts";
import { Args } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { inspectImage } from "../../engine/images/inspect.ts";

export default class ImageInspect extends InspectCommand {
  static override summary = "Display detailed information on one or more images";
  static override args = { image: Args.string({ required: true, multiple: true }) };
  static override flags = {
    format: inspectFormatFlag,
    platform: platformFlag("Inspect a specific platform of the multi-platform image"),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageInspect);
    const platform = chosenPlatform(flags.platform);
    await using engine = await this.openEngine();
    const find = (image: string) => inspectImage(engine, { image, platform }, { signal: this.signal });
    await this.inspectEach(args.image, find, flags.format);
  }
}
