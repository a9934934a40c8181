import type { Finder } from "./finding.ts";

/** Bridges without containers that nothing is going to take down. */
export const findBridges: Finder = async ({ engine: { networks } }) => {
  return (await networks.idleBridges()).map((bridge) => ({
    kind: "bridge",
    object: bridge.network.bridge,
    why: `no container is on network ${bridge.network.name}`,
    remedy: "take it down until a container needs it",
    mend: () => networks.takeDownIfIdle(bridge),
  }));
};
