import type { PlannedImage } from "../engine/images/prune.ts";
import { formatDecimalSize } from "../model/byte-size.ts";
import { shortId } from "./ellipsis.ts";
import type { RowKind } from "./format.ts";

export const PRUNE_TABLE = "table {{.Action}}\t{{.Image}}\t{{.ID}}\t{{.Size}}\t{{.Reason}}";

/** What `image prune --dry-run` shows of each image. */
export const pruneRows: RowKind<PlannedImage> = {
  goType: "*prune.plannedImage",
  fields: {
    Action: { header: "ACTION", show: ({ remove }) => (remove ? "remove" : "keep") },
    Image: {
      header: "IMAGE",
      show: ({ image: { tags, digests } }) => {
        const names = tags.length > 0 ? tags : digests;
        return names.length > 0 ? names.map((name) => name.familiar()).join(",") : "<none>";
      },
    },
    ID: { header: "IMAGE ID", show: ({ image }) => shortId(image.id) },
    Size: { header: "FREES", show: ({ sizeBytes }) => formatDecimalSize(sizeBytes) },
    Reason: { header: "REASON", show: ({ reason }) => reason },
  },
};
