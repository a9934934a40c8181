import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { platformFlag } from "../../cli/platform-flag.ts";
import { reportError } from "../../cli/report-error.ts";
import { removeImage } from "../../engine/images/remove.ts";
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
    if (flags.platform) this.warn("--platform is not done yet: removing all platforms.");
    await using engine = await this.openEngine();
    await this.forEachTarget(args.image, async (image) => {
      try {
        const deletions = await removeImage(engine, { image, force: flags.force }, { signal: this.signal });
        return deletions.map(describe).join("\n");
      } catch (error) {
        // What is not there need not be removed.
        if (!flags.force || !isEngineError(error, "not-found")) throw error;
        reportError(error, { debug: this.settings.debug });
        return undefined;
      }
    });
  }
}

function describe(deletion: ImageDeletion): string {
  return "Untagged" in deletion ? `Untagged: ${deletion.Untagged}` : `Deleted: ${deletion.Deleted}`;
}
