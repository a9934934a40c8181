import { mkdir, stat } from "node:fs/promises";
import { EngineError } from "../../errors.ts";
import type { HostConfig, MountRequest } from "../../model/container-config.ts";
import type { ResolvedMount } from "../../model/container-record.ts";
import type { Mount } from "../../model/mount.ts";
import { checkMount } from "../../model/mount-check.ts";
import { resolvePath } from "../../model/path.ts";
import { isMountMode, parseBind } from "../../model/volume-spec.ts";
import type { Engine } from "../engine.ts";
import type { Rollback } from "../rollback.ts";

export interface ResolveMountsRequest {
  readonly hostConfig: Pick<HostConfig, "Binds" | "Mounts" | "Tmpfs" | "VolumesFrom">;
  /** Destinations that want a volume of their own: the container's and the image's. */
  readonly volumes: readonly string[];
  /** The container's snapshot, from which empty volumes are filled. */
  readonly snapshot: readonly Mount[];
  /** The mounts of another container, for `VolumesFrom`. */
  mountsOf(container: string): Promise<readonly ResolvedMount[]>;
}

/** A mount that was asked for, and whether an empty volume is to be filled from the image. */
interface Wanted {
  readonly mount: ResolvedMount;
  readonly copyUp: boolean;
}

/**
 * Decides a container's mounts, by docker's precedence: binds and mounts, which may not meet, go before those of other
 * containers, and what neither covers of the wanted volumes gets an anonymous one. Makes the volumes and the missing
 * sources of `-v`, and fills empty volumes with what the image has there. Volumes made are undone by `rollback`.
 *
 * @throws EngineError `invalid-argument` for a malformed or doubled mount, or a missing source of `--mount`.
 */
export async function resolveMounts(
  { store }: Pick<Engine, "store">,
  request: ResolveMountsRequest,
  rollback: Rollback,
): Promise<ResolvedMount[]> {
  const resolver = new MountResolver(store, rollback);
  const explicit: Wanted[] = [];
  for (const bind of request.hostConfig.Binds ?? []) explicit.push(await resolver.bind(bind));
  for (const mount of request.hostConfig.Mounts ?? []) explicit.push(await resolver.mount(mount));
  for (const tmpfs of Object.entries(request.hostConfig.Tmpfs ?? {})) explicit.push(resolver.tmpfs(tmpfs));
  const wanted = new Map<string, Wanted>();
  for (const entry of explicit) {
    const { destination } = entry.mount;
    if (wanted.has(destination)) throw invalid(`Duplicate mount point: ${destination}`);
    wanted.set(destination, entry);
  }
  for (const entry of await inherited(request)) {
    if (!wanted.has(entry.mount.destination)) wanted.set(entry.mount.destination, entry);
  }
  for (const destination of request.volumes.map((path) => resolvePath("/", path))) {
    if (!wanted.has(destination)) wanted.set(destination, await resolver.anonymous(destination));
  }
  for (const { mount, copyUp } of wanted.values()) {
    if (copyUp) await store.fillVolume({ mountpoint: mount.source }, request.snapshot, mount.destination);
  }
  return [...wanted.values()].map(({ mount }) => mount);
}

/**
 * Makes the directories that `-v` binds and that have gone since the container was created, as docker does at each
 * start.
 */
export async function ensureBindSources({ Binds }: Pick<HostConfig, "Binds">): Promise<void> {
  for (const { type, source } of (Binds ?? []).map(parseBind)) if (type === "bind") await makeDirectory(source);
}

class MountResolver {
  constructor(
    private readonly store: Engine["store"],
    private readonly rollback: Rollback,
  ) {}

  /** An entry of `Binds`: a missing source is made. */
  async bind(text: string): Promise<Wanted> {
    const spec = parseBind(text);
    const { source, destination, readOnly, mode, propagation } = spec;
    if (spec.type === "bind") {
      await makeDirectory(source);
      const mount = {
        type: "bind" as const,
        source,
        propagation: propagation || "rprivate",
        options: [],
        anonymous: false,
      };
      return { mount: { ...mount, destination, readOnly, mode }, copyUp: false };
    }
    return await this.#volume({ name: source, destination, readOnly, mode: mode || "z", noCopy: spec.noCopy });
  }

  /** An entry of `Mounts`: a missing source is refused. */
  async mount(request: MountRequest): Promise<Wanted> {
    checkMount(request);
    const destination = resolvePath("/", request.Target);
    const readOnly = request.ReadOnly === true;
    if (request.Type === "tmpfs") {
      const { SizeBytes = 0, Mode = 0 } = request.TmpfsOptions ?? {};
      const options = [
        ...(Mode > 0 ? [`mode=${Mode.toString(8)}`] : []),
        ...(SizeBytes > 0 ? [`size=${SizeBytes}`] : []),
      ];
      return tmpfsMount(destination, readOnly, options);
    }
    if (request.Type === "volume") {
      const { NoCopy = false, Labels = {}, Subpath } = request.VolumeOptions ?? {};
      const name = request.Source || undefined;
      return await this.#volume({
        name,
        destination,
        readOnly,
        mode: "z",
        noCopy: NoCopy,
        labels: Labels,
        subpath: Subpath,
      });
    }
    return await this.#hostBind(request, destination, readOnly);
  }

  tmpfs([path, options]: [string, string]): Wanted {
    const words = options.split(",").filter((word) => word !== "");
    const destination = resolvePath("/", path);
    if (destination === "/") throw invalid("invalid specification: destination can't be '/'");
    const others = words.filter((word) => word !== "ro" && word !== "rw");
    return tmpfsMount(destination, words.includes("ro"), others);
  }

  /** The volume of a destination that somebody declared and nobody gave a source. */
  async anonymous(destination: string): Promise<Wanted> {
    return await this.#volume({ name: undefined, destination, readOnly: false, mode: "", noCopy: false });
  }

  async #hostBind(request: MountRequest, destination: string, readOnly: boolean): Promise<Wanted> {
    const source = resolvePath("/", request.Source ?? "");
    const { Propagation, NonRecursive = false, CreateMountpoint = false } = request.BindOptions ?? {};
    if (CreateMountpoint) await makeDirectory(source);
    else if (!(await isPresent(source))) {
      throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
    }
    return {
      mount: {
        type: "bind",
        source,
        destination,
        readOnly,
        mode: "",
        propagation: Propagation || "rprivate",
        options: NonRecursive ? ["bind"] : [],
        anonymous: false,
      },
      copyUp: false,
    };
  }

  async #volume(request: {
    readonly name: string | undefined;
    readonly destination: string;
    readonly readOnly: boolean;
    readonly mode: string;
    readonly noCopy: boolean;
    readonly labels?: Readonly<Record<string, string>>;
    readonly subpath?: string | undefined;
  }): Promise<Wanted> {
    const { volume, created } = await this.store.volumes.create(request.name, request.labels);
    if (created) this.rollback.defer(() => this.store.volumes.remove(volume.name));
    const source = await this.store.volumes.pathIn(volume, request.subpath ?? "");
    return {
      mount: {
        type: "volume",
        name: volume.name,
        source,
        destination: request.destination,
        readOnly: request.readOnly,
        mode: request.mode,
        propagation: "",
        options: [],
        anonymous: request.name === undefined,
      },
      // Part of a volume has been filled by whoever made the part.
      copyUp: !request.noCopy && source === volume.mountpoint,
    };
  }
}

/** The binds and volumes of other containers; a mode behind a container's name goes over theirs. */
async function inherited({ hostConfig, mountsOf }: ResolveMountsRequest): Promise<Wanted[]> {
  const found = new Map<string, Wanted>();
  for (const text of hostConfig.VolumesFrom ?? []) {
    const [container = "", mode = ""] = text.split(":");
    if (!isMountMode(mode)) throw invalid(`invalid mode for volumes-from: ${mode}`);
    const readOnly = mode.split(",").includes("ro");
    for (const mount of await mountsOf(container)) {
      if (mount.type === "tmpfs") continue;
      // An anonymous volume belongs to the container for which it was made, and goes with that one.
      found.set(mount.destination, {
        mount: { ...mount, readOnly: mount.readOnly || readOnly, anonymous: false },
        copyUp: false,
      });
    }
  }
  return [...found.values()];
}

function tmpfsMount(destination: string, readOnly: boolean, options: readonly string[]): Wanted {
  const mount = { type: "tmpfs" as const, source: "", destination, readOnly, mode: "", propagation: "", options };
  return { mount: { ...mount, anonymous: false }, copyUp: false };
}

async function makeDirectory(path: string): Promise<void> {
  if (await isPresent(path)) return;
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new EngineError("internal", `error while creating mount source path '${path}': ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function isPresent(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
