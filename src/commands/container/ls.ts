import { Command } from "../../cli/command.ts";
import { CONTAINER_RAW, CONTAINER_TABLE, containerRows } from "../../cli/container-rows.ts";
import { filterFlag } from "../../cli/filter-flag.ts";
import { formatRows } from "../../cli/format.ts";
import { print } from "../../cli/output.ts";
import { Flags } from "../../cli/parameters.ts";
import { listContainers } from "../../engine/containers/list.ts";
import { Filters } from "../../model/filters.ts";

export default class ContainerLs extends Command {
  static override summary = "List containers";
  static override aliases = ["ps", "container:list", "container:ps"];
  static override examples = [
    "<%= config.bin %> ps -a",
    "<%= config.bin %> ps --filter status=exited --format '{{.Names}}: {{.Status}}'",
  ];
  static override flags = {
    all: Flags.boolean({ char: "a", summary: "Show all containers (default shows just running)" }),
    filter: filterFlag("Filter output based on conditions provided"),
    format: Flags.string({
      helpValue: "string",
      summary: "Format output: 'table', 'table TEMPLATE', 'json', TEMPLATE",
    }),
    last: Flags.integer({
      char: "n",
      default: -1,
      helpValue: "int",
      summary: "Show n last created containers (includes all states)",
    }),
    latest: Flags.boolean({ char: "l", summary: "Show the latest created container (includes all states)" }),
    "no-trunc": Flags.boolean({ summary: "Don't truncate output" }),
    quiet: Flags.boolean({ char: "q", summary: "Only display container IDs" }),
    size: Flags.boolean({ char: "s", summary: "Display total file sizes" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ContainerLs);
    const format = this.chooseFormat(flags);
    await using engine = await this.openEngine();
    const request = {
      all: flags.all,
      limit: flags.latest ? 1 : flags.last,
      // Only a template that shows sizes makes it worth measuring them.
      size: flags.size || (!flags.quiet && /\.Size\b/.test(format)),
      filters: Filters.parse(flags.filter ?? []),
    };
    const containers = await listContainers(engine, request, { signal: this.signal });
    print(formatRows(containerRows({ truncated: !flags["no-trunc"] }), containers, format));
  }

  private chooseFormat({
    format = "",
    quiet,
    size,
  }: {
    format?: string | undefined;
    quiet: boolean;
    size: boolean;
  }): string {
    if (quiet && format !== "" && format !== "table" && format !== "raw") {
      this.warn("Ignoring custom format, because both --format and --quiet are set.");
    }
    if (format === "raw") return quiet ? "container_id: {{.ID}}" : CONTAINER_RAW + (size ? "size: {{.Size}}\n" : "");
    if (quiet) return "{{.ID}}";
    if (format === "" || format === "table") return CONTAINER_TABLE + (size ? "\t{{.Size}}" : "");
    return format;
  }
}
