import { Command } from "../cli/command.ts";
import { filterFlag } from "../cli/filter-flag.ts";
import { registryFlags } from "../cli/flags/registry.ts";
import { formatRows } from "../cli/format.ts";
import { print } from "../cli/output.ts";
import { Args, Flags } from "../cli/parameters.ts";
import { matchesSearchFilters, SEARCH_TABLE, searchRows } from "../cli/search-rows.ts";
import { EngineError } from "../errors.ts";
import { splitSearchTerm } from "../model/search-term.ts";

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;

export default class Search extends Command {
  static override summary = "Search Docker Hub, or another registry that can be searched, for images";
  static override usage = "[OPTIONS] TERM";
  static override examples = ["search --filter is-official=true busybox", "search registry.example.com/app"];
  static override args = { term: Args.string({ required: true }) };
  static override flags = {
    ...registryFlags,
    filter: filterFlag("Filter output based on conditions provided"),
    format: Flags.string({ helpValue: "string", summary: "Pretty-print search using a Go template" }),
    limit: Flags.integer({ helpValue: "int", summary: "Max number of search results" }),
    "no-trunc": Flags.boolean({ summary: "Don't truncate output" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Search);
    const { limit = 0 } = flags;
    if (limit < 0 || limit > MAX_LIMIT) {
      throw new EngineError("invalid-argument", `invalid limit: ${limit} is not between 1 and ${MAX_LIMIT}`);
    }
    const matches = matchesSearchFilters(flags.filter ?? []);
    await using engine = await this.openEngine("registry");
    const request = { ...splitSearchTerm(args.term), limit: limit || DEFAULT_LIMIT };
    const found = await engine.registry.search(request, { signal: this.signal });
    const rows = found.filter(matches).sort((a, b) => b.star_count - a.star_count);
    const { format = "table" } = flags;
    print(formatRows(searchRows({ truncated: !flags["no-trunc"] }), rows, format === "table" ? SEARCH_TABLE : format));
  }
}
