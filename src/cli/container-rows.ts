import { formatDecimalSize } from "../model/byte-size.ts";
import type { ContainerSummary } from "../model/container-view.ts";
import { formatTimeAgo } from "../model/relative-time.ts";
import { displayPorts } from "./displayed-ports.ts";
import { ellipsis, shortId } from "./ellipsis.ts";
import type { RowKind } from "./format.ts";
import { formatGoTime } from "./go-time.ts";
import { quote } from "./template/go-quote.ts";
import { TypedNil } from "./template/go-value.ts";

export const CONTAINER_TABLE =
  "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

/** docker's `--format raw`. */
export const CONTAINER_RAW = [
  "container_id: {{.ID}}",
  "image: {{.Image}}",
  "command: {{.Command}}",
  "created_at: {{.CreatedAt}}",
  "state: {{- pad .State 1 0}}",
  "status: {{- pad .Status 1 0}}",
  "names: {{.Names}}",
  "labels: {{- pad .Labels 1 0}}",
  "ports: {{- pad .Ports 1 0}}",
  "",
].join("\n");

/** The rows of `ps`, as docker's formatter shows them. */
export function containerRows({ truncated }: { readonly truncated: boolean }): RowKind<ContainerSummary> {
  const cut = (text: string, limit: number) => (truncated ? ellipsis(text, limit) : text);
  return {
    goType: "*formatter.ContainerContext",
    labels: ({ Labels }) => Labels,
    fields: {
      ID: { header: "CONTAINER ID", show: ({ Id }) => (truncated ? shortId(Id) : Id) },
      Names: { header: "NAMES", show: ({ Names }) => shownNames(Names, truncated).join(",") },
      Image: { header: "IMAGE", show: (container) => (truncated ? shortImage(container) : container.Image) },
      Command: { header: "COMMAND", show: ({ Command }) => quote(cut(Command, 20)) },
      CreatedAt: { header: "CREATED AT", show: ({ Created }) => formatGoTime(new Date(Created * 1000)) },
      RunningFor: { header: "CREATED", show: ({ Created }) => formatTimeAgo(new Date(Created * 1000), new Date()) },
      Ports: { header: "PORTS", show: ({ Ports }) => displayPorts(Ports) },
      State: { header: "STATE", show: ({ State }) => State },
      Status: { header: "STATUS", show: ({ Status }) => Status },
      Size: { header: "SIZE", show: shownSize },
      Labels: { header: "LABELS", show: ({ Labels }) => shownLabels(Labels) },
      Mounts: {
        header: "MOUNTS",
        show: ({ Mounts }) => Mounts.map(({ Name, Source }) => cut(Name || Source, 15)).join(","),
      },
      LocalVolumes: {
        header: "LOCAL VOLUMES",
        show: ({ Mounts }) => String(Mounts.filter(({ Driver }) => Driver === "local").length),
      },
      Networks: {
        header: "NETWORKS",
        show: ({ NetworkSettings }) => Object.keys(NetworkSettings.Networks).join(","),
      },
      // docker fills it from an image store that keeps several platforms; ours shows it in `inspect`.
      Platform: { header: "PLATFORM", show: () => TypedNil.pointer },
    },
  };
}

/** Names have a leading slash; those with a second one are aliases of links, and left out of the short form. */
function shownNames(names: readonly string[], truncated: boolean): string[] {
  const own = names.map((name) => name.replace(/^\//, ""));
  return truncated ? own.filter((name) => !name.includes("/")) : own;
}

/** A container whose image has lost its name is shown with the image's id. */
function shortImage({ Image, ImageID }: ContainerSummary): string {
  if (Image === "") return "<no image>";
  if (shortId(Image) === shortId(ImageID)) return shortId(ImageID);
  const [named = Image, digest] = Image.split("@");
  return digest !== undefined && /:[^/]+$/.test(named) ? named : Image;
}

function shownSize({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = formatDecimalSize(SizeRw);
  return SizeRootFs > 0 ? `${own} (virtual ${formatDecimalSize(SizeRootFs)})` : own;
}

function shownLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(",");
}
