import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { reportError } from "../../cli/report-error.ts";
import { removeImage } from "../../engine/images/remove.ts";
import { removeImagePlatform } from "../../engine/images/remove-platform.ts";
import { isEngineError } from "../../errors.ts";
import type { ImageDeletion } from "../../model/image-view.ts";

export default class ImageRm extends Command {
  static override summary = "Remove one or more images";
  static override aliases = ["rmi", "image:remove", "image:rmi"];
  static override args = { image: Args.string({ required: true, multiple: true }) };
  static override flags = {
    force: Flags.boolean({ char: "f", summary: "Force removal of the image" }),
    "no-prune": Flags.boolean({ summary: "Do not delete untagged parents" }),
    platform: platformFlag("Remove only the given platform variant"),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageRm);
    const platform = chosenPlatform(flags.platform);
    const { force } = flags;
    const context = { signal: this.signal };
    await using engine = await this.openEngine();
    await this.forEachTarget(args.image, async (image) => {
      try {
        const deletions = platform
          ? await removeImagePlatform(engine, { image, platform, force }, context)
          : await removeImage(engine, { image, force }, context);
        return deletions.map(describe).join("\n");
      } catch (error) {
        // What is not there need not be removed.
        if (!force || !isEngineError(error, "not-found")) throw error;
        reportError(error, { debug: this.settings.debug });
        return undefined;
      }
    });
  }
}

function describe(deletion: ImageDeletion): string {
  return "Untagged" in deletion ? `Untagged: ${deletion.Untagged}` : `Deleted: ${deletion.Deleted}`;
}
