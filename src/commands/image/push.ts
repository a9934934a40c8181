import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { noPushProgress, openPushProgress } from "../../cli/progress/push-progress.ts";
import { listTagsOf } from "../../engine/images/local-tags.ts";
import { noLocalImage, pushImage } from "../../engine/images/push.ts";
import { EngineError } from "../../errors.ts";
import { Reference } from "../../model/reference.ts";

export default class ImagePush extends Command {
  static override summary = "Upload an image to a registry";
  static override aliases = ["push"];
  static override usage = "[OPTIONS] NAME[:TAG]";
  static override examples = ["push localhost:5000/app:1.2", "push --all-tags registry.example/app"];
  static override args = { image: Args.string({ required: true }) };
  static override flags = {
    "all-tags": Flags.boolean({ char: "a", summary: "Push all tags of an image to the repository" }),
    "disable-content-trust": Flags.boolean({ hidden: true, default: true, summary: "Skip image signing" }),
    platform: platformFlag("Push a platform-specific manifest as a single-platform image to the registry"),
    quiet: Flags.boolean({ char: "q", summary: "Suppress verbose output" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImagePush);
    const { quiet, "all-tags": allTags } = flags;
    const named = Reference.parse(args.image);
    if (allTags && (named.tag !== undefined || named.digest !== undefined)) {
      throw new EngineError("invalid-argument", "tag can't be used with --all-tags/-a");
    }
    const platform = chosenPlatform(flags.platform);
    const context = { signal: this.signal };
    await using engine = await this.openEngine("registry");
    const references = allTags ? await listTagsOf(engine, named, context) : [named.withDefaultTag()];
    if (references.length === 0) throw noLocalImage(named);
    const [first] = references;
    if (!quiet && !allTags && first?.tag !== named.tag) this.log(`Using default tag: ${first?.tag}`);
    if (!quiet) this.log(`The push refers to repository [${named.repository}]`);
    for (const reference of references) {
      const progress = quiet ? noPushProgress : openPushProgress(process.stdout);
      const onProgress = progress.update.bind(progress);
      const pushed = await pushImage(engine, { reference, platform }, { ...context, onProgress }).finally(() =>
        progress.finish(),
      );
      if (quiet) continue;
      const { digest, size } = pushed.target;
      this.log(`${reference.tag ?? reference.digest}: digest: ${digest} size: ${size}`);
      if (pushed.reducedFrom === undefined) continue;
      this.warn(
        `not all platforms of ${reference.familiar()} are here: what is was pushed as ${digest}, not ${pushed.reducedFrom}`,
      );
    }
    if (quiet) this.log((allTags ? named : (first ?? named)).toString());
  }
}
