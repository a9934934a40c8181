import type { Reference } from "../../model/reference.ts";
import type { Engine } from "../engine.ts";
import { parseName } from "./catalog.ts";

/** The tags that images have here in a repository, sorted. */
export async function listTagsOf(
  { containerd }: Pick<Engine, "containerd">,
  { repository }: Reference,
  { signal }: { readonly signal: AbortSignal },
): Promise<Reference[]> {
  const names = (await containerd.images.list([], { signal })).map(({ name }) => parseName(name));
  return names
    .filter((reference) => reference !== undefined)
    .filter((reference) => reference.repository === repository && reference.tag !== undefined)
    .sort((a, b) => (a.toString() < b.toString() ? -1 : 1));
}
