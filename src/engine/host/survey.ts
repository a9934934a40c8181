import { REQUIREMENTS, type Requirement } from "./requirements.ts";
import { findExecutable } from "./search-path.ts";

/** Where programs are looked for. */
export interface SearchPaths {
  /** Directories of commands, as in PATH. */
  readonly searchPath: readonly string[];
  /** Directories of CNI plugins. */
  readonly cniPath: readonly string[];
}

/** A requirement and where it was found; `path` is `undefined` when the host lacks it. */
export interface Finding {
  readonly requirement: Requirement;
  readonly path: string | undefined;
}

/** Looks for everything that wharf needs on this host. Runs none of it. */
export async function surveyHost({ searchPath, cniPath }: SearchPaths): Promise<Finding[]> {
  return await Promise.all(
    REQUIREMENTS.map(async (requirement) => ({
      requirement,
      path: await findExecutable(requirement.files, requirement.isCniPlugin ? cniPath : searchPath),
    })),
  );
}
