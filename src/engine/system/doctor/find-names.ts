import type { Finder } from "./finding.ts";

/** Names that nobody can take, held for containers that were never made. */
export const findNames: Finder = async (_ward, chart) => {
  return chart.departments.flatMap(({ namespace, reservedNames }) => {
    const stale = reservedNames.filter(({ containerId }) => chart.find(namespace, containerId) === undefined);
    return stale.map(({ name, containerId, release }) => ({
      kind: "name",
      object: name,
      namespace,
      why: `it is held for container ${containerId.slice(0, 12)}, which was never made`,
      remedy: "give the name free",
      mend: async () => release(),
    }));
  });
};
