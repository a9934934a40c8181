import { type Chart, reasonOf } from "./chart.ts";
import type { Finder } from "./finding.ts";
import type { Ward } from "./ward.ts";

/** Network namespaces, addresses and attachments of containers that do not run. */
export const findNetworkHoldings: Finder = async (ward, chart) => {
  const { networks } = ward.engine;
  const { addresses, attachments, sandboxes } = await networks.holdings();
  const idle = ({ containerId }: { readonly containerId: string }) => !chart.mayRun(containerId);
  const owners = await ownContainerIds(ward, chart, [...addresses, ...attachments]);
  return [
    ...sandboxes.flatMap(({ path, idPrefix }) => {
      // Its name alone does not tell which wharf of this host made it.
      const owner = owners.find((id) => id.startsWith(idPrefix));
      if (owner === undefined || chart.mayRun(owner)) return [];
      return [{ kind: "netns", object: path, containerId: owner, remedy: "remove it" }];
    }),
    ...addresses.filter(idle).map(({ containerId, ipAddress, networkName, ports }) => ({
      kind: "address",
      object: `${ipAddress} of network ${networkName}`,
      containerId,
      remedy: ports.length === 0 ? "give it back" : "withdraw its ports and give it back",
    })),
    ...attachments.filter(idle).map(({ containerId, networkName }) => ({
      kind: "attachment",
      object: `${containerId.slice(0, 12)} to network ${networkName}`,
      containerId,
      remedy: "have the network's plugins take it off",
    })),
  ].map(({ containerId, ...finding }) => ({
    ...finding,
    why: reasonOf(chart, containerId),
    mend: () => chart.whileIdle(containerId, () => networks.forget(containerId)),
  }));
};

/** The containers that this wharf has made, as far as anything still tells of them. */
async function ownContainerIds(
  { engine }: Ward,
  chart: Chart,
  holders: readonly { readonly containerId: string }[],
): Promise<string[]> {
  const directories = await Promise.all([
    engine.store.leftovers.runDirectories(),
    engine.store.leftovers.dataDirectories(),
  ]);
  return [
    ...chart.containers.filter(({ isOurs }) => isOurs).map(({ container }) => container.id),
    ...[...holders, ...directories.flat()].map(({ containerId }) => containerId),
  ];
}
