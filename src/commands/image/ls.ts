import { Command } from "../../cli/command.ts";
import { filterFlag } from "../../cli/filter-flag.ts";
import { formatRows } from "../../cli/format.ts";
import { IMAGE_TABLE, IMAGE_TABLE_WITH_DIGEST, imageRaw, imageRows, rowsOfImage } from "../../cli/image-rows.ts";
import { print } from "../../cli/output.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { listImages } from "../../engine/images/list.ts";
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
    tree: Flags.boolean({ summary: "List multi-platform images as a tree (EXPERIMENTAL)" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageLs);
    if (flags.tree) this.warn("--tree is not done yet: showing the list.");
    const format = chooseFormat(flags);
    const filters = [...(flags.filter ?? []), ...(args.repository ? [`reference=${args.repository}`] : [])];
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
}

interface FormatFlags {
  readonly format?: string | undefined;
  readonly quiet: boolean;
  readonly digests: boolean;
}

function chooseFormat({ format = "", quiet, digests }: FormatFlags): string {
  if (format === "raw") return quiet ? "image_id: {{.ID}}" : imageRaw({ digest: digests });
  if (quiet && (format === "" || format === "table")) return "{{.ID}}";
  if (format === "" || format === "table") return digests ? IMAGE_TABLE_WITH_DIGEST : IMAGE_TABLE;
  return format.startsWith("table") && digests && !format.includes("{{.Digest}}") ? `${format}\t{{.Digest}}` : format;
}
