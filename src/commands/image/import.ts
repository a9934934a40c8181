import { layerCodec } from "../../archive/layer-codec.ts";
import { Command } from "../../cli/command.ts";
import { openInputFile } from "../../cli/input-file.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, ownPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { importImage } from "../../engine/images/import.ts";
import { EngineError } from "../../errors.ts";
import { Reference } from "../../model/reference.ts";

export default class ImageImport extends Command {
  static override summary = "Import the contents from a tarball to create a filesystem image";
  static override aliases = ["import"];
  static override usage = "[OPTIONS] file|- [REPOSITORY[:TAG]]";
  static override examples = ["import rootfs.tar.gz app:1", "export web | wharf import -c 'CMD [\"sh\"]' - web:flat"];
  static override args = { source: Args.string({ required: true }), reference: Args.string({}) };
  static override flags = {
    change: Flags.string({
      char: "c",
      multiple: true,
      helpValue: "list",
      summary: "Apply Dockerfile instruction to the created image",
    }),
    message: Flags.string({ char: "m", helpValue: "string", summary: "Set commit message for imported image" }),
    platform: platformFlag("Set platform if server is multi-platform capable"),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageImport);
    const reference = args.reference ? Reference.parse(args.reference).withDefaultTag() : undefined;
    if (reference?.digest !== undefined) {
      throw new EngineError("invalid-argument", "cannot import digest reference");
    }
    const isUrl = /^https?:\/\//.test(args.source);
    const request = {
      codec: layerCodec,
      archive: isUrl
        ? await this.download(args.source)
        : args.source === "-"
          ? process.stdin
          : await openInputFile(args.source),
      reference,
      platform: chosenPlatform(flags.platform) ?? ownPlatform(),
      changes: flags.change ?? [],
      message: flags.message ?? `Imported from ${args.source === "-" || isUrl ? args.source : "-"}`,
    };
    await using engine = await this.openEngine();
    this.log(await importImage(engine, request, { signal: this.signal, onBytes: () => undefined }));
  }

  private async download(address: string): Promise<AsyncIterable<Uint8Array>> {
    let response: Response;
    try {
      response = await fetch(address, { signal: this.signal });
    } catch (cause) {
      throw new EngineError("unavailable", `cannot download ${address}: ${(cause as Error).message}`, { cause });
    }
    if (response.ok && response.body) return response.body as unknown as AsyncIterable<Uint8Array>;
    throw new EngineError("unavailable", `cannot download ${address}: the server answered ${response.status}`);
  }
}
