import { findBridges } from "./find-bridges.ts";
import { findContainers } from "./find-containers.ts";
import {
  findContainerFiles,
  findFifos,
  findSharedMemory,
  findUnfinishedFiles,
  findUnfinishedVolumes,
} from "./find-files.ts";
import { findKeepers } from "./find-keepers.ts";
import { findLeases } from "./find-leases.ts";
import { findNames } from "./find-names.ts";
import { findNetworkHoldings } from "./find-network-holdings.ts";
import { findPorts } from "./find-ports.ts";
import { findRules } from "./find-rules.ts";
import { findSnapshots } from "./find-snapshots.ts";
import { findTasks } from "./find-tasks.ts";
import type { Finder } from "./finding.ts";

/** All finders. What one mends may be the cause of what a later one finds, so processes come before what they hold. */
export const ALL_FINDERS: readonly Finder[] = [
  findTasks,
  findContainers,
  findNetworkHoldings,
  findRules,
  findPorts,
  findBridges,
  findSharedMemory,
  findFifos,
  findContainerFiles,
  findLeases,
  findSnapshots,
  findUnfinishedVolumes,
  findUnfinishedFiles,
  findNames,
  findKeepers,
];

/**
 * What a supervisor puts in order by itself when it starts: what containers that are gone left behind. What a person
 * may want to look into first, such as a process without a container, is for `system doctor`.
 */
export const FINDERS_AT_START: readonly Finder[] = ALL_FINDERS.filter(
  (finder) => ![findTasks, findContainers, findUnfinishedFiles].includes(finder),
);
