import { Command } from "../../cli/command.ts";
import { registryFlags } from "../../cli/flags/registry.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { chosenPlatform, platformFlag } from "../../cli/platform-flag.ts";
import { openPullDisplay, PROGRESS_FORMS, type ProgressForm } from "../../cli/progress/pull-display.ts";
import { pullAndShow } from "../../cli/pull-image.ts";
import { EngineError } from "../../errors.ts";
import { Reference } from "../../model/reference.ts";

/** Each of them downloads several layers at a time. */
const IMAGES_AT_ONCE = 3;

export default class ImagePull extends Command {
  static override summary = "Download images from a registry";
  static override aliases = ["pull"];
  static override usage = "[OPTIONS] NAME[:TAG|@DIGEST] [NAME[:TAG|@DIGEST]...]";
  static override examples = [
    "pull alpine",
    "pull --platform linux/arm64 localhost:5000/app:1.2",
    "pull --progress json alpine busybox",
  ];
  static override args = { image: Args.string({ required: true, multiple: true }) };
  static override flags = {
    ...registryFlags,
    "all-platforms": Flags.boolean({ summary: "Download what the image has for other platforms, too" }),
    "all-tags": Flags.boolean({ char: "a", summary: "Download all tagged images in the repository" }),
    "disable-content-trust": Flags.boolean({ hidden: true, default: true, summary: "Skip image verification" }),
    platform: platformFlag("Set platform if server is multi-platform capable"),
    progress: Flags.of(parseForm)({
      helpValue: "string",
      summary: `How progress is shown: ${PROGRESS_FORMS.join(", ")}`,
    }),
    quiet: Flags.boolean({ char: "q", summary: "Suppress verbose output" }),
    unpack: Flags.boolean({ default: true, allowNo: true, summary: "Unpack the image for this host's containers" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImagePull);
    const { quiet, "all-tags": allTags, "all-platforms": allPlatforms, unpack } = flags;
    const form = quiet ? "none" : ((flags.progress as ProgressForm | undefined) ?? "auto");
    const named = args.image.map((image) => Reference.parse(image));
    if (allTags && named.some(({ tag, digest }) => tag !== undefined || digest !== undefined)) {
      throw new EngineError("invalid-argument", "tag can't be used with --all-tags/-a");
    }
    const references = allTags ? named : named.map((reference) => reference.withDefaultTag());
    const platform = chosenPlatform(flags.platform);
    const several = references.length > 1;
    for (const [index, { tag }] of references.entries()) {
      const isAdded = tag !== named[index]?.tag;
      if (isAdded && (form === "auto" || form === "plain" || form === "tty")) this.log(`Using default tag: ${tag}`);
    }
    await using engine = await this.openEngine("registry");
    const context = { signal: this.signal };
    const display = openPullDisplay(process.stdout, { form, several });
    const pull = async (reference: Reference): Promise<string> => {
      for (const each of allTags ? await engine.registry.listTags(reference, context) : [reference]) {
        const shownAs = reference.familiar();
        const progress = display.of(each);
        await pullAndShow(engine, { reference: each, platform, allPlatforms, unpack, progress, shownAs }, context);
      }
      return reference.toString();
    };
    const name = (reference: string): void => {
      // Programs find the name in each line.
      if (form !== "json") this.log(reference);
    };
    if (!several) {
      for (const reference of references) name(await pull(reference));
      return;
    }
    const byName = new Map(references.map((reference) => [reference.toString(), reference]));
    const pulled: string[] = [];
    await this.forEachTarget(
      [...byName.keys()],
      async (target) => {
        pulled.push(await pull(byName.get(target) as Reference));
        return undefined;
      },
      { concurrency: IMAGES_AT_ONCE },
    ).finally(() => display.finish());
    // Below the lines that change in place, in the order of the command line.
    for (const reference of byName.keys()) if (pulled.includes(reference)) name(reference);
  }
}

function parseForm(text: string): string {
  const forms: readonly string[] = PROGRESS_FORMS;
  if (forms.includes(text)) return text;
  throw new EngineError("invalid-argument", `it is none of ${PROGRESS_FORMS.join(", ")}`);
}
