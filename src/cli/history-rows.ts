import { formatDecimalSize } from "../model/byte-size.ts";
import type { ImageHistoryItem } from "../model/image-view.ts";
import { formatTimeAgo } from "../model/relative-time.ts";
import { ellipsis, shortId } from "./ellipsis.ts";
import type { RowKind } from "./format.ts";
import { formatGoRfc3339 } from "./go-time.ts";

const MAX_COMMAND = 45;

/** docker's table of `history`: with ages, or with times where a machine reads them. */
export function historyTable({ human }: { readonly human: boolean }): string {
  return `table {{.ID}}\t{{.${human ? "CreatedSince" : "CreatedAt"}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;
}

/** The fields of `history`, as docker's formatter shows them. */
export function historyRows({
  truncated,
  human,
}: {
  readonly truncated: boolean;
  readonly human: boolean;
}): RowKind<ImageHistoryItem> {
  const createdAt = ({ Created }: ImageHistoryItem) => formatGoRfc3339(new Date(Created * 1000));
  return {
    goType: "*formatter.historyContext",
    fields: {
      ID: { header: "IMAGE", show: ({ Id }) => (truncated ? shortId(Id) : Id) },
      CreatedSince: {
        header: "CREATED",
        show: (item) => (human ? formatTimeAgo(new Date(item.Created * 1000), new Date()) : createdAt(item)),
      },
      CreatedAt: { header: "CREATED AT", show: createdAt },
      CreatedBy: {
        header: "CREATED BY",
        show: ({ CreatedBy }) => {
          const text = CreatedBy.replaceAll("\t", " ");
          return truncated ? ellipsis(text, MAX_COMMAND) : text;
        },
      },
      Size: { header: "SIZE", show: ({ Size }) => (human ? formatDecimalSize(Size) : String(Size)) },
      Comment: { header: "COMMENT", show: ({ Comment }) => Comment },
    },
  };
}
