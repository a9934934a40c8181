import type { HostFacts } from "./host-facts.ts";

const PARENT = "/wharf";
const SYSTEMD_SLICE = "system.slice";

/** Where a container's cgroup is, in the words of the runtime: a path, or `slice:prefix:name` for systemd. */
export function cgroupsPathOf(id: string, parent: string, { cgroupDriver }: Pick<HostFacts, "cgroupDriver">): string {
  if (cgroupDriver === "systemd") return `${parent || SYSTEMD_SLICE}:wharf:${id}`;
  return `${(parent || PARENT).replace(/\/+$/, "")}/${id}`;
}
