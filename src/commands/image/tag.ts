import { Command } from "../../cli/command.ts";
import { Args } from "../../cli/parameters.ts";
import { tagImage } from "../../engine/images/tag.ts";

export default class ImageTag extends Command {
  static override summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE";
  static override aliases = ["tag"];
  static override usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]";
  static override args = { source: Args.string({ required: true }), target: Args.string({ required: true }) };

  async run(): Promise<void> {
    const { args } = await this.parse(ImageTag);
    await using engine = await this.openEngine();
    await tagImage(engine, args, { signal: this.signal });
  }
}
