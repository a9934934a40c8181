import type { ResolvedUser } from "../model/user-spec.ts";
import type { ProcessSpec } from "./runtime-spec.ts";

/**
 * A user as the runtime takes it. The primary group is among the additional ones: a process could otherwise drop it
 * and escape what an ACL forbids its members.
 */
export function processUser({ uid, gid, additionalGids }: ResolvedUser): ProcessSpec["user"] {
  return { uid, gid, additionalGids: [gid, ...additionalGids.filter((additional) => additional !== gid)] };
}
