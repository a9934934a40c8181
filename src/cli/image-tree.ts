import type { ImageTree, TreeSizes } from "../engine/images/tree.ts";
import { formatDecimalSize } from "../model/byte-size.ts";
import { shortId } from "./ellipsis.ts";

interface Line {
  readonly name: string;
  /** ID, disk usage, content size, marks; absent on a line that is a name alone. */
  readonly cells?: readonly [string, string, string, string];
}

const TITLES = ["ID", "DISK USAGE", "CONTENT SIZE", "EXTRA"] as const;
const GAP = "   ";
const UNTAGGED = "<untagged>";

/** The text of `images --tree`: each image, and below it its platforms. */
export function showImageTrees(trees: readonly ImageTree[]): string {
  const lines = trees.flatMap(linesOf);
  const rows = [{ name: "IMAGE", cells: TITLES }, ...lines];
  const nameWidth = Math.max(...rows.map(({ name, cells }) => (cells === undefined ? 0 : [...name].length)));
  const widths = TITLES.map((_, column) => Math.max(...rows.map(({ cells }) => cells?.[column]?.length ?? 0)));
  const shown = rows.map(({ name, cells }) => {
    if (cells === undefined) return name;
    const [id, disk, content, extra] = cells;
    const padded = [
      name + " ".repeat(nameWidth - [...name].length),
      id.padEnd(widths[0] ?? 0),
      pad(disk, widths[1] ?? 0, name === "IMAGE"),
      pad(content, widths[2] ?? 0, name === "IMAGE"),
      extra,
    ];
    return padded.join(GAP).trimEnd();
  });
  return `${["Info ->  U In Use  M Missing in part", "", ...shown].join("\n")}\n`;
}

function pad(text: string, width: number, isTitle: boolean): string {
  return isTitle ? text.padEnd(width) : text.padStart(width);
}

function linesOf({ id, names, inUse, sizes, platforms }: ImageTree): Line[] {
  const [last = UNTAGGED, ...others] = names.toReversed();
  return [
    ...others.reverse().map((name) => ({ name })),
    { name: last, cells: [shortId(id), ...shownSizes(sizes), inUse ? "U" : ""] },
    ...platforms.map(({ digest, platform, isWhole, sizes: own }, index): Line => {
      const branch = index === platforms.length - 1 ? "└─" : "├─";
      return { name: `${branch} ${platform}`, cells: [shortId(digest), ...shownSizes(own), isWhole ? "" : "M"] };
    }),
    { name: "" },
  ];
}

function shownSizes({ contentBytes, unpackedBytes }: TreeSizes): [string, string] {
  return [formatDecimalSize(contentBytes + unpackedBytes), formatDecimalSize(contentBytes)];
}
