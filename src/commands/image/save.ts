import { pipeline } from "node:stream/promises";
import { writeTar } from "../../archive/write-tar.ts";
import { Command } from "../../cli/command.ts";
import { writeOutputFile } from "../../cli/output-file.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { saveImages } from "../../engine/images/save.ts";
import { EngineError } from "../../errors.ts";
import { UnfinishedFiles } from "../../store/unfinished-files.ts";

export default class ImageSave extends Command {
  static override summary = "Save one or more images to a tar archive (streamed to STDOUT by default)";
  static override aliases = ["save"];
  static override examples = ["save -o busybox.tar busybox", "save busybox alpine | gzip > images.tar.gz"];
  static override args = { image: Args.string({ required: true, multiple: true }) };
  static override flags = {
    output: Flags.string({ char: "o", helpValue: "string", summary: "Write to a file, instead of STDOUT" }),
    platform: platformFlag("Save only the given platform variant"),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageSave);
    if (!flags.output && process.stdout.isTTY) {
      throw new EngineError("invalid-argument", "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    await using engine = await this.openEngine();
    const request = { images: args.image, platform: chosenPlatform(flags.platform) };
    const archive = writeTar(await saveImages(engine, request, { signal: this.signal }));
    if (flags.output) {
      const unfinished = new UnfinishedFiles(this.settings);
      await writeOutputFile(flags.output, archive, { signal: this.signal, unfinished });
    } else {
      await pipeline(archive, process.stdout, { signal: this.signal, end: false });
    }
  }
}
