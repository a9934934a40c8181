import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostEntry, LOCAL_HOSTS, withHostEntries } from "./hosts-file.ts";
import { containerDataDir, type Roots } from "./layout.ts";
import { containerResolvConf, type DnsOverrides, usesResolvedStub } from "./resolv-conf.ts";

/** Paths of the files that are bound over a container's own in /etc. */
export interface EtcFiles {
  readonly hostname: string;
  readonly hosts: string;
  readonly resolvConf: string;
}

export interface ContainerFilesRequest {
  readonly hostname: string;
  /** `false` for a container in the host's network, which sees the host's names and nameservers. */
  readonly ownNetwork: boolean;
  readonly dns: DnsOverrides;
  /** `--add-host`, and the container's own addresses once it has some. */
  readonly hosts: readonly HostEntry[];
}

/**
 * The hostname, hosts and resolv.conf of the containers of one namespace. They are bound into running containers, so
 * they are always written in place: a file that is renamed over a bind mount's source is not seen through it.
 */
export class ContainerFiles {
  constructor(
    private readonly roots: Roots,
    private readonly namespace: string,
  ) {}

  /** The directory of a container's files and log. */
  directory(containerId: string): string {
    return containerDataDir(this.roots, this.namespace, containerId);
  }

  /** Where the files are, whether or not they have been written. */
  paths(containerId: string): EtcFiles {
    const directory = this.directory(containerId);
    return {
      hostname: join(directory, "hostname"),
      hosts: join(directory, "hosts"),
      resolvConf: join(directory, "resolv.conf"),
    };
  }

  /**
   * Writes the three files, at creation and again at each start. What was edited from within the container stays: in
   * hosts what is outside wharf's block, in resolv.conf everything.
   */
  async prepare(containerId: string, { hostname, ownNetwork, dns, hosts }: ContainerFilesRequest): Promise<EtcFiles> {
    const paths = this.paths(containerId);
    await mkdir(this.directory(containerId), { recursive: true, mode: 0o700 });
    const before = await readIfPresent(paths.hosts);
    const initial = before ?? (ownNetwork ? LOCAL_HOSTS : ((await readIfPresent("/etc/hosts")) ?? LOCAL_HOSTS));
    await Promise.all([
      writeInPlace(paths.hostname, `${hostname}\n`),
      writeInPlace(paths.hosts, withHostEntries(initial, hosts)),
      writeUnlessEdited(paths.resolvConf, containerResolvConf(await hostResolvConf(ownNetwork), dns, { ownNetwork })),
    ]);
    return paths;
  }

  /** Removes everything that is kept for a container, its log too. */
  async remove(containerId: string): Promise<void> {
    await rm(this.directory(containerId), { recursive: true, force: true });
  }
}

/** With a network of its own a container cannot ask the stub of systemd-resolved, and gets what the stub asks. */
async function hostResolvConf(ownNetwork: boolean): Promise<string> {
  const text = (await readIfPresent("/etc/resolv.conf")) ?? "";
  if (!ownNetwork || !usesResolvedStub(text)) return text;
  return (await readIfPresent("/run/systemd/resolve/resolv.conf")) ?? text;
}

/** A hash beside the file tells whether it is as wharf wrote it. */
async function writeUnlessEdited(path: string, text: string): Promise<void> {
  const [before, hash] = await Promise.all([readIfPresent(path), readIfPresent(`${path}.hash`)]);
  if (before !== undefined && hash !== undefined && hash !== digest(before)) return;
  await Promise.all([writeInPlace(path, text), writeInPlace(`${path}.hash`, digest(text))]);
}

/** Truncates and writes: the inode stays. */
async function writeInPlace(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o644 });
}

async function readIfPresent(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(() => undefined);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
