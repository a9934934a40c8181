/** The Engine API's path of a container that the user named. */
export function containerPath(nameOrId: string, action = ""): string {
  return `/containers/${encodeURIComponent(nameOrId)}${action === "" ? "" : `/${action}`}`;
}
