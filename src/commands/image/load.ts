import { decompress } from "../../archive/decompress.ts";
import { readTar } from "../../archive/read-tar.ts";
import { Command } from "../../cli/command.ts";
import { openInputFile } from "../../cli/input-file.ts";
import { Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { LoadProgress } from "../../cli/progress/load-progress.ts";
import { loadImages } from "../../engine/images/load.ts";
import { EngineError } from "../../errors.ts";

export default class ImageLoad extends Command {
  static override summary = "Load an image from a tar archive or STDIN";
  static override aliases = ["load"];
  static override examples = ["load -i image.tar.gz", "load < image.tar"];
  static override flags = {
    input: Flags.string({ char: "i", helpValue: "string", summary: "Read from tar archive file, instead of STDIN" }),
    platform: platformFlag("Load only the given platform variant"),
    quiet: Flags.boolean({ char: "q", summary: "Suppress the load output" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ImageLoad);
    const { stdin, stdout } = process;
    if (!flags.input && stdin.isTTY) {
      throw new EngineError("invalid-argument", "requested load from stdin, but stdin is empty");
    }
    const input = flags.input ? await openInputFile(flags.input) : stdin;
    const request = { archive: readTar(decompress(input)), platform: chosenPlatform(flags.platform) };
    const progress = stdout.isTTY && !flags.quiet ? new LoadProgress(stdout) : undefined;
    const onProgress: Parameters<typeof loadImages>[2]["onProgress"] = (event) => progress?.update(event);
    await using engine = await this.openEngine();
    const images = await loadImages(engine, request, { signal: this.signal, onProgress }).finally(() =>
      progress?.finish(),
    );
    for (const { id, reference, replacedId } of images) {
      const name = reference?.familiar();
      if (replacedId) {
        this.log(`The image ${name} already exists, renaming the old one with ID ${replacedId} to empty string`);
      }
      this.log(name === undefined ? `Loaded image ID: ${id}` : `Loaded image: ${name}`);
    }
  }
}
