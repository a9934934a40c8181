import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { faultPoint } from "../fault-point.ts";
import { asObject } from "../model/json-object.ts";
import { type Roots, volumesDir } from "./layout.ts";

/** docker's mark of a volume that nobody named. */
export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** A directory of the host that outlives the containers which use it. */
export interface Volume {
  readonly name: string;
  /** The directory that containers see. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A volume that was made together with a container, by somebody who has not said since that the container exists. */
export interface PendingVolume {
  readonly name: string;
  readonly containerId: string;
}

/** Beside a volume's data: the container that it is made for. Gone when both are there. */
const PENDING_FILE = "made-for";

/**
 * The volumes of one namespace: for each a directory with the data in `_data`, and `volume.json` beside it. A volume
 * appears and disappears by a rename, so that nobody sees half of one.
 */
export class Volumes {
  readonly #directory: string;

  constructor(roots: Roots, namespace: string) {
    this.#directory = volumesDir(roots, namespace);
  }

  /**
   * Makes a volume, or finds the one of that name, whose labels stay. Without a name it gets one of 64 hex digits. One
   * that is made for a container is pending until `keep`.
   *
   * @throws EngineError `invalid-argument` for a malformed name.
   */
  async create(
    name: string | undefined,
    labels: Readonly<Record<string, string>> = {},
    { containerId }: { readonly containerId?: string } = {},
  ): Promise<{ readonly volume: Volume; readonly created: boolean }> {
    if (name === undefined) {
      const anonymous = { ...labels, [ANONYMOUS_LABEL]: "" };
      return { volume: await this.#make(randomBytes(32).toString("hex"), anonymous, containerId), created: true };
    }
    checkName(name);
    const existing = await this.#read(name);
    if (existing !== undefined) return { volume: existing, created: false };
    try {
      return { volume: await this.#make(name, labels, containerId), created: true };
    } catch (error) {
      // Somebody made it in the meantime.
      const other = await this.#read(name);
      if (other === undefined) throw error;
      return { volume: other, created: false };
    }
  }

  /** @throws EngineError `not-found`. */
  async get(name: string): Promise<Volume> {
    const volume = NAME.test(name) ? await this.#read(name) : undefined;
    if (volume === undefined) throw new EngineError("not-found", `get ${name}: no such volume`);
    return volume;
  }

  /** All volumes, by name. */
  async list(): Promise<Volume[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const volumes = await Promise.all(names.filter((name) => NAME.test(name)).map((name) => this.#read(name)));
    return volumes.filter((volume) => volume !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Removes a volume and its data. Whether a container uses it is for the caller to know.
   *
   * @throws EngineError `not-found`.
   */
  async remove(name: string): Promise<void> {
    await this.get(name);
    const removed = join(this.#directory, `.removed-${randomBytes(8).toString("hex")}`);
    await rename(join(this.#directory, name), removed);
    faultPoint("volume.removal-renamed");
    await rm(removed, { recursive: true });
  }

  /** The container that the volumes were made for exists: from now on they are like any other. */
  async keep(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => rm(join(this.#directory, name, PENDING_FILE), { force: true })));
  }

  /** The volumes that are pending, by this process or one that was killed. */
  async listPending(): Promise<PendingVolume[]> {
    const names = (await readdir(this.#directory).catch(() => [])).filter((name) => NAME.test(name));
    const pending = names.map(async (name) => {
      const containerId = await readFile(join(this.#directory, name, PENDING_FILE), "utf8").catch(() => undefined);
      return containerId === undefined ? [] : [{ name, containerId }];
    });
    return (await Promise.all(pending)).flat();
  }

  async #make(
    name: string,
    labels: Readonly<Record<string, string>>,
    containerId: string | undefined,
  ): Promise<Volume> {
    const path = join(this.#directory, name);
    const volume: Volume = { name, mountpoint: join(path, "_data"), labels, createdAt: new Date().toISOString() };
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const unfinished = join(this.#directory, `.new-${randomBytes(8).toString("hex")}`);
    try {
      await mkdir(unfinished, { mode: 0o700 });
      await mkdir(join(unfinished, "_data"), { mode: 0o755 });
      const settings = { labels, createdAt: volume.createdAt };
      if (containerId !== undefined) await writeFile(join(unfinished, PENDING_FILE), containerId, { mode: 0o600 });
      await writeFile(join(unfinished, "volume.json"), `${JSON.stringify(settings)}\n`, { mode: 0o600 });
      faultPoint("volume.prepared");
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
    return volume;
  }

  async #read(name: string): Promise<Volume | undefined> {
    const mountpoint = join(this.#directory, name, "_data");
    const found = await stat(mountpoint).catch(() => undefined);
    if (found === undefined) return undefined;
    const { labels, createdAt } = await readSettings(join(this.#directory, name, "volume.json"));
    return { name, mountpoint, labels, createdAt: createdAt || found.birthtime.toISOString() };
  }
}

function checkName(name: string): void {
  if (name.length === 1) {
    const rule = "volume name is too short, names should be at least two alphanumeric characters";
    throw new EngineError("invalid-argument", `create ${name}: ${rule}`);
  }
  if (!NAME.test(name)) {
    const rule = 'includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed';
    throw new EngineError(
      "invalid-argument",
      `create ${name}: ${JSON.stringify(name)} ${rule}. If you intended to pass a host directory, use absolute path`,
    );
  }
}

/** The data is the volume; what is known about it beside may be lost without it. */
async function readSettings(path: string): Promise<Pick<Volume, "labels" | "createdAt">> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = {};
  }
  const { labels, createdAt } = asObject(value);
  const strings = Object.entries(asObject(labels)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return { labels: Object.fromEntries(strings), createdAt: typeof createdAt === "string" ? createdAt : "" };
}
