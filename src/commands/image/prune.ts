import { Command } from "../../cli/command.ts";
import { confirm } from "../../cli/confirm.ts";
import { filterFlag } from "../../cli/filter-flag.ts";
import { formatRows } from "../../cli/format.ts";
import { print } from "../../cli/output.ts";
import { Flags } from "../../cli/parameters.ts";
import { PRUNE_TABLE, pruneRows } from "../../cli/prune-rows.ts";
import { applyImagePrune, planImagePrune } from "../../engine/images/prune.ts";
import { formatDecimalSize } from "../../model/byte-size.ts";
import { Filters } from "../../model/filters.ts";

const WARNINGS = {
  all: "WARNING! This will remove all images without at least one container associated to them.",
  dangling: "WARNING! This will remove all dangling images.",
};

export default class ImagePrune extends Command {
  static override summary = "Remove unused images";
  static override description =
    "Spares what containers of any namespace use, and what Kubernetes needs: pinned images and the sandbox image.";
  static override examples = ["image prune", "image prune -a --filter until=24h", "image prune -a --dry-run"];
  static override flags = {
    all: Flags.boolean({ char: "a", summary: "Remove all unused images, not just dangling ones" }),
    "dry-run": Flags.boolean({ summary: "Show what would be removed, why, and what that frees" }),
    filter: filterFlag('Provide filter values (e.g. "until=<timestamp>")'),
    force: Flags.boolean({ char: "f", summary: "Do not prompt for confirmation" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ImagePrune);
    const { all, force, "dry-run": dryRun } = flags;
    const context = { signal: this.signal };
    if (!force && !dryRun) {
      this.log(all ? WARNINGS.all : WARNINGS.dangling);
      if (!(await confirm("Are you sure you want to continue?", context))) return;
    }
    await using engine = await this.openEngine("store");
    const plan = await planImagePrune(engine, { all, filters: Filters.parse(flags.filter ?? []) }, context);
    if (dryRun) {
      print(formatRows(pruneRows, plan.images, PRUNE_TABLE));
      this.log(`Total reclaimable space: ${formatDecimalSize(plan.reclaimableBytes, 4)}`);
      return;
    }
    const { deletions, reclaimedBytes } = await applyImagePrune(engine, plan, context);
    if (deletions.length > 0) this.log("Deleted Images:");
    for (const deletion of deletions) {
      this.log("Untagged" in deletion ? `untagged: ${deletion.Untagged}` : `deleted: ${deletion.Deleted}`);
    }
    if (deletions.length > 0) this.log("");
    this.log(`Total reclaimed space: ${formatDecimalSize(reclaimedBytes, 4)}`);
  }
}
