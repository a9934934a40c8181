import { Command } from "../../cli/command.ts";
import { formatRows, type RowKind } from "../../cli/format.ts";
import { print } from "../../cli/output.ts";
import { Flags } from "../../cli/parameters.ts";
import { listNamespaces, type NamespaceSummary } from "../../engine/system/namespaces.ts";

const NAMESPACE_TABLE = "table {{.Name}}\t{{.Containers}}\t{{.Images}}\t{{.Volumes}}\t{{.Labels}}";

const NAMESPACE_ROWS: RowKind<NamespaceSummary> = {
  goType: "namespace",
  labels: ({ labels }) => labels,
  fields: {
    Name: { header: "NAME", show: ({ name }) => name },
    Containers: { header: "CONTAINERS", show: ({ containers }) => containers },
    Images: { header: "IMAGES", show: ({ images }) => images },
    Volumes: { header: "VOLUMES", show: ({ volumes }) => volumes },
    Labels: {
      header: "LABELS",
      show: ({ labels }) =>
        Object.entries(labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(","),
    },
  },
};

export default class NamespaceLs extends Command {
  static override summary = "List containerd namespaces";
  static override aliases = ["namespace:list"];
  static override flags = {
    format: Flags.string({
      helpValue: "string",
      summary: "Format output: 'table', 'table TEMPLATE', 'json', TEMPLATE",
    }),
    quiet: Flags.boolean({ char: "q", summary: "Only display names" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(NamespaceLs);
    await using engine = await this.openEngine("store");
    const namespaces = await listNamespaces(engine, { signal: this.signal });
    const { format = "table" } = flags;
    const chosen = flags.quiet ? "{{.Name}}" : format === "table" ? NAMESPACE_TABLE : format;
    print(formatRows(NAMESPACE_ROWS, namespaces, chosen));
  }
}
