import type { HostConfig } from "../../model/container-config.ts";
import { parseBind } from "../../model/volume-spec.ts";
import type { Engine } from "../engine.ts";

/**
 * Makes the directories that a container binds and that are not there: those of `-v`, and those of `--mount` that ask
 * for it. At each start, since they may have gone since the last one.
 */
export async function makeBindSources(
  { store }: Pick<Engine, "store">,
  { Binds, Mounts }: Pick<HostConfig, "Binds" | "Mounts">,
): Promise<void> {
  const binds = (Binds ?? []).map(parseBind).filter(({ type }) => type === "bind");
  const mounts = (Mounts ?? []).filter(({ BindOptions }) => BindOptions?.CreateMountpoint === true);
  const sources = [...binds.map(({ source }) => source), ...mounts.flatMap(({ Source }) => Source ?? [])];
  await Promise.all(sources.map((source) => store.makeBindSource(source)));
}
