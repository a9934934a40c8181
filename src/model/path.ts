/** True for a path from the root on. Paths of containers are Linux paths wherever this runs. */
export function isAbsolutePath(path: string): boolean {
  return path.startsWith("/");
}

/** `path` below `base` unless it is absolute, without `.`, `..`, doubled and trailing slashes; `base` is absolute. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of (isAbsolutePath(path) ? path : `${base}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** How deep below the root a clean path lies; what is mounted at the shallower path is mounted first. */
export function pathDepth(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}
