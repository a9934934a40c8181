import { Command } from "../../cli/command.ts";
import { filterFlag } from "../../cli/filter-flag.ts";
import { formatRows } from "../../cli/format.ts";
import { IMAGE_TABLE, IMAGE_TABLE_WITH_DIGEST, imageRaw, imageRows, rowsOfImage } from "../../cli/image-rows.ts";
import { print } from "../../cli/output.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { listImages } from "../../engine/images/list.ts";
import { EngineError } from "../../errors.ts";
import { Filters } from "../../model/filters.ts";

export default class ImageLs extends Command {
  static override summary = "List images";
  static override aliases = ["images", "image:list"];
  static override usage = "[OPTIONS] [REPOSITORY[:TAG]]";
  static override examples = [
    "images",
    "images --filter dangling=true -q",
    "images --format '{{.Repository}}:{{.Tag}}'",
  ];
  static override args = { repository: Args.string({}) };
  static override flags = {
    all: Flags.boolean({ char: "a", summary: "Show all images (default hides intermediate images)" }),
    digests: Flags.boolean({ summary: "Show digests" }),
    filter: filterFlag("Filter output based on conditions provided"),
    format: Flags.string({
      helpValue: "string",
      summary: "Format output: 'table', 'table TEMPLATE', 'json', TEMPLATE",
    }),
    "no-trunc": Flags.boolean({ summary: "Don't truncate output" }),
    quiet: Flags.boolean({ char: "q", summary: "Only show image IDs" }),
    tree: Flags.boolean({ summary: "List images with their platforms" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageLs);
    const filters = [...(flags.filter ?? []), ...(args.repository ? [`reference=${args.repository}`] : [])];
    if (flags.tree) return await this.showTree(flags, Filters.parse(filters));
    const format = chooseFormat(flags);
    const request = {
      filters: Filters.parse(filters),
      countContainers: format === "json" || /\.Containers\b|json \./.test(format),
    };
    await using engine = await this.openEngine();
    const images = await listImages(engine, request, { signal: this.signal });
    const digests = flags.digests || format.includes(".Digest");
    const rows = images.flatMap((image) => rowsOfImage(image, { digests }));
    print(formatRows(imageRows({ truncated: !flags["no-trunc"] }), rows, format));
  }

  private async showTree(flags: FormatFlags, filters: Filters): Promise<void> {
    const given = { quiet: flags.quiet, "no-trunc": flags["no-trunc"], digests: flags.digests, format: flags.format };
    for (const [name, value] of Object.entries(given)) {
      if (value) throw new EngineError("invalid-argument", `--${name} is not yet supported with --tree`);
    }
    const [{ listImageTrees }, { showImageTrees }] = await Promise.all([
      import("../../engine/images/tree.ts"),
      import("../../cli/image-tree.ts"),
    ]);
    await using engine = await this.openEngine();
    print(showImageTrees(await listImageTrees(engine, { filters }, { signal: this.signal })));
  }
}

interface FormatFlags {
  readonly format?: string | undefined;
  readonly quiet: boolean;
  readonly digests: boolean;
  readonly "no-trunc": boolean;
}

function chooseFormat({ format = "", quiet, digests }: FormatFlags): string {
  if (format === "raw") return quiet ? "image_id: {{.ID}}" : imageRaw({ digest: digests });
  if (quiet && (format === "" || format === "table")) return "{{.ID}}";
  if (format === "" || format === "table") return digests ? IMAGE_TABLE_WITH_DIGEST : IMAGE_TABLE;
  return format.startsWith("table") && digests && !format.includes("{{.Digest}}") ? `${format}\t{{.Digest}}` : format;
}
