import type { Ulimit } from "../model/container-config.ts";
import { UNLIMITED } from "../model/ulimit.ts";
import type { HostFacts } from "./host-facts.ts";
import type { Rlimit } from "./runtime-spec.ts";

const INFINITY = 2n ** 64n - 1n;

/**
 * The resource limits of a process. Where the host's own process may not raise limits, what is asked beyond its hard
 * ones is lowered to them: the runtime would refuse to start the container.
 */
export function buildRlimits(ulimits: readonly Ulimit[], host: HostFacts): readonly Rlimit[] {
  return ulimits.map(({ Name, Soft, Hard }) => {
    const ceiling = ceilingOf(Name, host);
    return {
      type: `RLIMIT_${Name.toUpperCase()}`,
      soft: toLimit(lower(Soft, ceiling)),
      hard: toLimit(lower(Hard, ceiling)),
    };
  });
}

/** True when the host cannot grant a limit, so that `buildRlimits` lowers it. */
export function exceedsHost({ Name, Hard }: Ulimit, host: HostFacts): boolean {
  return lower(Hard, ceilingOf(Name, host)) !== Hard;
}

/** What a limit can at most be here; `undefined` where nothing bounds it. */
function ceilingOf(name: string, host: HostFacts): number | undefined {
  return host.boundingCapabilities.includes("CAP_SYS_RESOURCE") ? undefined : host.hardLimits[name];
}

function lower(limit: number, ceiling: number | undefined): number {
  if (ceiling === undefined) return limit;
  return limit === UNLIMITED || limit > ceiling ? ceiling : limit;
}

function toLimit(limit: number): number | bigint {
  return limit === UNLIMITED ? INFINITY : limit;
}
