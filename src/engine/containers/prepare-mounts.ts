import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { CreateBody } from "../../model/container-config.ts";
import type { ResolvedMount } from "../../model/container-record.ts";
import type { Mount } from "../../model/mount.ts";
import { type PlannedMount, planMounts } from "../../model/mount-plan.ts";
import type { Volume } from "../../store/volumes.ts";
import type { Engine } from "../engine.ts";
import type { Rollback } from "../rollback.ts";
import { resolveContainer } from "./resolve.ts";

type MountEngine = Pick<Engine, "containerd" | "store">;

/**
 * Decides all mounts of a new container: its own, those of `--volumes-from`, and its image's volumes. Nothing on the
 * host is touched yet.
 *
 * @throws EngineError `invalid-argument` for a malformed mount, or a `--mount` whose source does not exist; `not-found`
 * for a container of `--volumes-from`.
 */
export async function decideMounts(
  engine: Pick<Engine, "containerd">,
  body: CreateBody,
  context: { readonly signal: AbortSignal },
): Promise<PlannedMount[]> {
  const inherited = await Promise.all(
    (body.HostConfig.VolumesFrom ?? []).map((from) => inheritMounts(engine, from, context)),
  );
  const mounts = planMounts({ config: body, hostConfig: body.HostConfig, inherited: inherited.flat() });
  const strict = mounts.filter((mount) => mount.type === "bind" && !mount.createSource);
  const inheritedSources = new Set(inherited.flat().map(({ source }) => source));
  await Promise.all(strict.filter(({ source }) => !inheritedSources.has(source)).map(requireSource));
  return mounts;
}

async function inheritMounts(
  engine: Pick<Engine, "containerd">,
  from: string,
  context: { readonly signal: AbortSignal },
): Promise<ResolvedMount[]> {
  const [name = "", mode = ""] = from.split(":");
  if (!/^(|ro|rw|z|Z)(,(ro|rw|z|Z))*$/.test(mode)) throw new EngineError("invalid-argument", `invalid mode: ${mode}`);
  const { record } = await resolveContainer(engine, name, context);
  return record.mounts
    .filter(({ type }) => type !== "tmpfs")
    .map((mount) => ({ ...mount, readOnly: mount.readOnly || mode.split(",").includes("ro") }));
}

async function requireSource({ source }: PlannedMount): Promise<void> {
  const found = await stat(source).catch(() => undefined);
  if (found !== undefined) return;
  throw new EngineError(
    "invalid-argument",
    `invalid mount config for type "bind": bind source path does not exist: ${source}`,
  );
}

/** The container whose mounts are made: its id, and its root file system as soon as that is there. */
interface MountOwner {
  readonly containerId: string;
  readonly rootfs: Promise<readonly Mount[]>;
}

/**
 * Makes the volumes that are not there yet and fills the empty ones from the image. Volumes that were made for a
 * container which then fails to be created go again; `keepMadeVolumes` is to be called when it is there.
 */
export async function makeMounts(
  engine: MountEngine,
  planned: readonly PlannedMount[],
  owner: MountOwner,
  rollback: Rollback,
): Promise<ResolvedMount[]> {
  const mounts: ResolvedMount[] = [];
  // One after another: two of them may be the same volume.
  for (const plan of planned) mounts.push(await makeMount(engine, plan, owner, rollback));
  return mounts;
}

/** The container is there, and with it the volumes among its mounts stay. */
export async function keepMadeVolumes(
  { store }: Pick<Engine, "store">,
  mounts: readonly ResolvedMount[],
): Promise<void> {
  await store.volumes.keep(mounts.flatMap(({ type, name }) => (type === "volume" && name ? [name] : [])));
}

async function makeMount(
  { store }: MountEngine,
  { createSource, copyUp, volume: options, ...mount }: PlannedMount,
  { containerId, rootfs }: MountOwner,
  rollback: Rollback,
): Promise<ResolvedMount> {
  // A volume of `--volumes-from` has its directory already.
  if (mount.type !== "volume" || mount.source !== "") return mount;
  refuseForeignDriver(options?.DriverConfig);
  const { volume, created } = await store.volumes.create(mount.name, options?.Labels ?? {}, { containerId });
  if (created) rollback.defer(() => store.volumes.remove(volume.name).catch(ifGone));
  faultPoint("create.volume-made");
  if (copyUp) await store.fillVolume(volume, await rootfs, mount.destination);
  return { ...mount, name: volume.name, source: await sourceIn(volume, options?.Subpath) };
}

function refuseForeignDriver(driver: { readonly Name?: string; readonly Options?: object } = {}): void {
  if (driver.Name && driver.Name !== "local") {
    const reason = `error looking up volume plugin ${driver.Name}: plugin "${driver.Name}" not found`;
    throw new EngineError("invalid-argument", reason);
  }
  if (Object.keys(driver.Options ?? {}).length > 0) {
    throw new EngineError("invalid-argument", "the local volume driver takes no options", {
      hint: "mount the file system on the host and bind the directory: --mount type=bind,src=…,dst=…",
    });
  }
}

/** A subpath may be a symbolic link, and must not lead out of the volume. */
async function sourceIn({ mountpoint }: Volume, subpath = ""): Promise<string> {
  if (subpath === "") return mountpoint;
  const path = await realpath(join(mountpoint, subpath)).catch(() => undefined);
  if (path === undefined) {
    throw new EngineError(
      "invalid-argument",
      `cannot access path ${join(mountpoint, subpath)}: no such file or directory`,
    );
  }
  if (!path.startsWith(`${await realpath(mountpoint)}/`)) {
    throw new EngineError("invalid-argument", `subpath ${subpath} leads out of the volume`);
  }
  return path;
}

function ifGone(error: unknown): void {
  if (!isEngineError(error, "not-found")) throw error;
}
