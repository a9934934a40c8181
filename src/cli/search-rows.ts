import { EngineError } from "../errors.ts";
import type { FoundRepository } from "../registry/search.ts";
import { ellipsis } from "./ellipsis.ts";
import type { RowKind } from "./format.ts";

const DESCRIPTION_WIDTH = 45;

export const SEARCH_TABLE = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}";

/** The fields of `search`, as docker's formatter shows them. */
export function searchRows({ truncated }: { readonly truncated: boolean }): RowKind<FoundRepository> {
  const describe = (text: string): string => {
    const line = text.replace(/[\r\n]/g, " ");
    return truncated ? ellipsis(line, DESCRIPTION_WIDTH) : line;
  };
  return {
    goType: "*search.searchContext",
    fields: {
      Name: { header: "NAME", show: ({ name }) => shown(name) },
      Description: { header: "DESCRIPTION", show: ({ description }) => describe(shown(description)) },
      StarCount: { header: "STARS", show: ({ star_count: stars }) => String(stars) },
      IsOfficial: { header: "OFFICIAL", show: ({ is_official: isOfficial }) => (isOfficial ? "[OK]" : "") },
      IsAutomated: { header: "AUTOMATED", show: ({ is_automated: isAutomated }) => (isAutomated ? "[OK]" : "") },
    },
  };
}

/**
 * Which repositories `--filter` wants.
 *
 * @throws EngineError `invalid-argument`, in docker's words.
 */
export function matchesSearchFilters(words: readonly string[]): (found: FoundRepository) => boolean {
  const filters = words.map((word) => {
    const [name = "", value = ""] = [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)];
    switch (name.trim().toLowerCase()) {
      case "stars": {
        if (!/^\d+$/.test(value)) throw invalidFilter(`stars=${value}`);
        return ({ star_count: stars }: FoundRepository) => stars >= Number(value);
      }
      case "is-official": {
        const wanted = parseBoolean(`is-official=${value}`, value);
        return ({ is_official: isOfficial }: FoundRepository) => isOfficial === wanted;
      }
      case "is-automated": {
        const wanted = parseBoolean(`is-automated=${value}`, value);
        return ({ is_automated: isAutomated }: FoundRepository) => isAutomated === wanted;
      }
      default:
        throw new EngineError("invalid-argument", `invalid filter '${name}'`);
    }
  });
  return (found) => filters.every((filter) => filter(found));
}

function parseBoolean(filter: string, value: string): boolean {
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw invalidFilter(filter);
}

function invalidFilter(filter: string): EngineError {
  return new EngineError("invalid-argument", `invalid filter '${filter}'`);
}

/** Without what moves a terminal's cursor: the words are a stranger's. */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => (/[\r\n\t]/.test(character) ? " " : ""));
}
