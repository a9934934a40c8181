import type { VerifiedVariant } from "../engine/images/verify.ts";
import { formatDecimalSize } from "../model/byte-size.ts";
import type { RowKind } from "./format.ts";

export const VERIFY_TABLE = "table {{.Platform}}\t{{.State}}\t{{.Missing}}\t{{.Damaged}}";

/** What `image verify` shows of each platform. */
export const verifyRows: RowKind<VerifiedVariant> = {
  goType: "*verify.variant",
  fields: {
    Platform: { header: "PLATFORM", show: ({ name }) => name },
    Manifest: { header: "MANIFEST", show: ({ digest }) => digest },
    State: { header: "STATE", show: ({ state }) => state },
    Missing: { header: "MISSING", show: ({ missing }) => shown(missing) },
    Damaged: { header: "DAMAGED", show: ({ damaged }) => shown(damaged) },
  },
};

/** Each blob with its size: one can look for it. */
function shown(blobs: VerifiedVariant["missing"]): string {
  return blobs.map(({ digest, size }) => `${digest} (${formatDecimalSize(size)})`).join(", ");
}
