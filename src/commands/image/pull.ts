import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { pullAndShow } from "../../cli/pull-image.ts";
import { EngineError } from "../../errors.ts";
import { Reference } from "../../model/reference.ts";

export default class ImagePull extends Command {
  static override summary = "Download an image from a registry";
  static override aliases = ["pull"];
  static override usage = "[OPTIONS] NAME[:TAG|@DIGEST]";
  static override examples = ["pull alpine", "pull --platform linux/arm64 localhost:5000/app:1.2"];
  static override args = { image: Args.string({ required: true }) };
  static override flags = {
    "all-tags": Flags.boolean({ char: "a", summary: "Download all tagged images in the repository" }),
    "disable-content-trust": Flags.boolean({ hidden: true, default: true, summary: "Skip image verification" }),
    platform: platformFlag("Set platform if server is multi-platform capable"),
    quiet: Flags.boolean({ char: "q", summary: "Suppress verbose output" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImagePull);
    const { quiet, "all-tags": allTags } = flags;
    const named = Reference.parse(args.image);
    if (allTags && (named.tag !== undefined || named.digest !== undefined)) {
      throw new EngineError("invalid-argument", "tag can't be used with --all-tags/-a");
    }
    const reference = allTags ? named : named.withDefaultTag();
    if (reference.tag !== named.tag && !quiet) this.log(`Using default tag: ${reference.tag}`);
    const platform = chosenPlatform(flags.platform);
    await using engine = await this.openEngine("registry");
    const context = { signal: this.signal };
    const references = allTags ? await engine.registry.listTags(reference, context) : [reference];
    const stream = quiet ? undefined : process.stdout;
    for (const each of references) {
      await pullAndShow(engine, { reference: each, platform, stream, shownAs: reference.familiar() }, context);
    }
    this.log(reference.toString());
  }
}
