/**
 * What a token is wanted for, in the token specification's words: `repository:library/busybox:pull,push`.
 */

export function repositoryScope(path: string, ...actions: readonly ("pull" | "push" | "delete")[]): string {
  return `repository:${path}:${actions.join(",")}`;
}

/**
 * What to ask a token server for: what we want and what the registry says is needed. Where the registry names the
 * repository otherwise than we do, as one behind a prefix does, its word alone counts.
 */
export function scopesToRequest(wanted: readonly string[], challenged: string | undefined): string[] {
  const demanded = (challenged ?? "").split(" ").filter((scope) => scope !== "");
  if (demanded.length === 0) return [...wanted];
  const ours = new Set(wanted.map(resourceOf));
  if (wanted.length > 0 && !demanded.some((scope) => ours.has(resourceOf(scope)))) return demanded;
  const actions = new Map<string, Set<string>>();
  for (const scope of [...wanted, ...demanded]) {
    const resource = resourceOf(scope);
    const known = actions.get(resource) ?? new Set<string>();
    for (const action of scope.slice(resource.length + 1).split(",")) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, known]) => `${resource}:${[...known].join(",")}`);
}

/** Type and name: `repository:library/busybox`, where a name may hold a port's colon. */
function resourceOf(scope: string): string {
  return scope.slice(0, Math.max(scope.lastIndexOf(":"), 0));
}
