import { type LayerCompression, layerCodec } from "../../archive/layer-codec.ts";
import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { ownPlatform } from "../../cli/platform-flag.ts";
import { convertImage } from "../../engine/images/convert.ts";
import { EngineError } from "../../errors.ts";
import { parsePlatform } from "../../model/platform.ts";
import { Reference } from "../../model/reference.ts";

export default class ImageConvert extends Command {
  static override summary = "Make an image of another one with other compression, media types or platforms";
  static override usage = "[OPTIONS] SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]";
  static override examples = [
    "image convert --oci --zstd alpine alpine:zstd",
    "image convert --platform linux/arm64 --platform linux/amd64 app:all app:two",
  ];
  static override args = { source: Args.string({ required: true }), target: Args.string({ required: true }) };
  static override flags = {
    "all-platforms": Flags.boolean({ summary: "Convert all platforms that are here whole (default)" }),
    gzip: Flags.boolean({ exclusive: ["zstd", "uncompress"], summary: "Compress layers with gzip" }),
    "gzip-compression-level": Flags.integer({ dependsOn: ["gzip"], helpValue: "int", summary: "1 to 9" }),
    oci: Flags.boolean({ summary: "Use OCI's media types in place of docker's" }),
    platform: Flags.string({ multiple: true, helpValue: "list", summary: "Convert these platforms, and no others" }),
    quiet: Flags.boolean({ char: "q", summary: "Only show the digest of the target" }),
    uncompress: Flags.boolean({ exclusive: ["zstd"], summary: "Leave layers uncompressed" }),
    zstd: Flags.boolean({ summary: "Compress layers with zstd; implies --oci" }),
    "zstd-compression-level": Flags.integer({ dependsOn: ["zstd"], helpValue: "int", summary: "1 to 22" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageConvert);
    const target = Reference.parse(args.target).withDefaultTag();
    if (target.digest !== undefined) {
      throw new EngineError("invalid-argument", "refusing to create a tag with a digest reference");
    }
    const compression: LayerCompression | undefined = flags.zstd
      ? "zstd"
      : flags.gzip
        ? "gzip"
        : flags.uncompress
          ? "none"
          : undefined;
    const level = flags.zstd ? flags["zstd-compression-level"] : flags["gzip-compression-level"];
    if (level !== undefined && (level < 1 || level > (flags.zstd ? MAX_ZSTD_LEVEL : MAX_GZIP_LEVEL))) {
      throw new EngineError("invalid-argument", `invalid compression level: ${level}`);
    }
    const platforms = flags["all-platforms"]
      ? []
      : (flags.platform ?? []).map((text) => parsePlatform(text, ownPlatform()));
    const request = { source: args.source, target, compression, level, oci: flags.oci, platforms, codec: layerCodec };
    await using engine = await this.openEngine();
    const { digest } = await convertImage(engine, request, {
      signal: this.signal,
      onLayer: (from, to) => {
        if (!flags.quiet) this.log(`${from.digest} -> ${to.digest} (${from.size} -> ${to.size} bytes)`);
      },
    });
    this.log(digest);
  }
}

const MAX_ZSTD_LEVEL = 22;
const MAX_GZIP_LEVEL = 9;
