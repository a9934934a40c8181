import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { list, object, optional, parseShaped, type Shaped, string } from "../model/json-shape.ts";
import { bareHost, isInRange } from "./address-range.ts";
import { readCertificateDirectory } from "./certificate-directory.ts";
import type { FoundCredentials } from "./credentials.ts";
import { type CriRegistry, criCredentials, endpointsOf, hostsDirectoriesOf, readCriConfig } from "./cri-config.ts";
import { ALL_CAPABILITIES, hostOfDomain, type RegistryHost, type Trust } from "./hosts.ts";
import { isMirrorOf, parseHostAddress, readHostsFile } from "./hosts-file.ts";
import { parseToml } from "./toml.ts";

/** Where it is written how registries are reached. All of it may be absent. */
export interface HostSources {
  /** Directories as containerd's `certs.d`, in the order to look; undefined leaves the choice to `containerdConfig`. */
  readonly hostsDirectories?: readonly string[] | undefined;
  /** Looked through where nothing else names directories. */
  readonly defaultHostsDirectories?: readonly string[];
  /** containerd's `config.toml`. */
  readonly containerdConfig?: string | undefined;
  /** docker's `certs.d`. */
  readonly certificates?: string | undefined;
  /** docker's `daemon.json`. */
  readonly daemonConfig?: string | undefined;
  /** Hosts or ranges of addresses that are spoken to without TLS, or with any certificate. */
  readonly insecureRegistries?: readonly string[];
}

const daemonFile = object({
  "insecure-registries": optional(list(string)),
  "registry-mirrors": optional(list(string)),
});
type DaemonConfig = Shaped<typeof daemonFile>;

/**
 * Says which hosts serve a registry's images, by the files that containerd and docker read. A directory that containerd
 * would choose decides alone; else the mirrors of the CRI plugin's older configuration; else those of docker's daemon.
 * docker's directory of certificates and the list of insecure registries are heard in any case.
 */
export class HostConfiguration {
  private readonly known = new Map<string, Promise<readonly RegistryHost[]>>();
  private cri: Promise<CriRegistry> | undefined;
  private daemon: Promise<DaemonConfig> | undefined;

  constructor(private readonly sources: HostSources) {}

  /**
   * The hosts for a registry's domain, in the order to try: mirrors first. What the files say is read once.
   *
   * @throws EngineError `invalid-argument` for a domain that is no host, or a malformed file.
   */
  hostsOf(domain: string): Promise<readonly RegistryHost[]> {
    const known = this.known.get(domain);
    if (known) return known;
    const hosts = this.read(domain);
    hosts.catch(() => this.known.delete(domain));
    this.known.set(domain, hosts);
    return hosts;
  }

  /** The credentials that the CRI plugin's configuration has for a registry. */
  async credentialsOf(domain: string): Promise<FoundCredentials | undefined> {
    const path = this.sources.containerdConfig ?? "";
    const credentials = criCredentials(await this.criRegistry(), domain, path);
    return credentials && { credentials, source: `registry.configs[${JSON.stringify(domain)}] in ${path}` };
  }

  private async read(domain: string): Promise<readonly RegistryHost[]> {
    // First of all, so that what is no host is called so.
    hostOfDomain(domain);
    const directory = await this.directoryOf(domain);
    return directory === undefined ? await this.olderHosts(domain) : await this.hostsIn(directory, domain);
  }

  /** The first that is there: its own before `_default`, in each of the directories. */
  private async directoryOf(domain: string): Promise<string | undefined> {
    const { hostsDirectories, defaultHostsDirectories = [] } = this.sources;
    const configured = hostsDirectories ?? hostsDirectoriesOf(await this.criRegistry());
    const roots = configured.length > 0 ? configured : defaultHostsDirectories;
    const names = [...new Set([domain.replace(/:(\d+)$/, "_$1_"), domain, "_default"])];
    for (const path of roots.flatMap((root) => names.map((name) => join(root, name)))) {
      if (await isDirectory(path)) return path;
    }
    return undefined;
  }

  private async hostsIn(directory: string, domain: string): Promise<RegistryHost[]> {
    const path = join(directory, "hosts.toml");
    const text = await readOptional(path);
    if (!text) {
      const trust = await readCertificateDirectory(directory);
      return [await this.ownHost(domain, trust, Object.keys(trust).length > 0 ? directory : undefined)];
    }
    const { mirrors, server, trust, headers } = readHostsFile(await parseToml(text, path), path, domain);
    const own = server ? this.withSettings(server) : this.ownHost(domain, trust, path);
    const configured = await Promise.all(mirrors.map((host) => this.withSettings(host)));
    return [...configured, server ? await own : { ...(await own), headers }];
  }

  private async olderHosts(domain: string): Promise<RegistryHost[]> {
    const cri = await this.criRegistry();
    const daemon = await this.daemonConfig();
    const { containerdConfig = "", daemonConfig = "" } = this.sources;
    const endpoints = endpointsOf(cri, domain);
    const ofDaemon = domain === "docker.io" && endpoints.length === 0 ? (daemon["registry-mirrors"] ?? []) : [];
    const mirrors = [
      ...endpoints.map((address) => mirror(address, domain, containerdConfig)),
      ...ofDaemon.map((address) => mirror(address, domain, daemonConfig)),
    ].map((host) => ({ ...host, trust: criTrust(cri, new URL(host.origins[0]).host) }));
    const configured = await Promise.all(mirrors.map((host) => this.withSettings(host)));
    // A registry may stand among its own endpoints.
    if (mirrors.some(({ isMirror }) => !isMirror)) return configured;
    const trust = criTrust(cri, domain);
    const source = Object.keys(trust).length > 0 ? containerdConfig : undefined;
    return [...configured, await this.ownHost(domain, trust, source)];
  }

  /** The registry itself, by its name and what else is known of it. */
  private async ownHost(domain: string, configured: Trust, source: string | undefined): Promise<RegistryHost> {
    const { trust, directory } = await this.withCertificates(configured, domain);
    const insecure = await this.insecureBecause(domain);
    const facts = { trust, insecure: insecure !== undefined, source: source ?? insecure ?? directory };
    return hostOfDomain(domain, facts);
  }

  /** A host that a configuration names, and what else is known of it. */
  private async withSettings(host: RegistryHost): Promise<RegistryHost> {
    const [origin] = host.origins;
    const { trust } = await this.withCertificates(host.trust, new URL(origin).host);
    if (!origin.startsWith("https:") || (await this.insecureBecause(new URL(origin).host)) === undefined) {
      return { ...host, trust };
    }
    return { ...host, trust: { ...trust, skipVerify: "host" }, origins: [origin, origin.replace(/^https/, "http")] };
  }

  /** Adds what docker's directory of certificates has for the host. */
  private async withCertificates(
    trust: Trust,
    host: string,
  ): Promise<{ readonly trust: Trust; readonly directory: string | undefined }> {
    const { certificates } = this.sources;
    if (certificates === undefined) return { trust, directory: undefined };
    const directory = join(certificates, host);
    const found = await readCertificateDirectory(directory);
    const ca = [...(trust.ca ?? []), ...(found.ca ?? [])];
    const clients = [...(trust.clients ?? []), ...(found.clients ?? [])];
    return {
      trust: { ...trust, ...(ca.length > 0 && { ca }), ...(clients.length > 0 && { clients }) },
      directory: Object.keys(found).length > 0 ? directory : undefined,
    };
  }

  /** Which setting calls a host insecure. */
  private async insecureBecause(domain: string): Promise<string | undefined> {
    const matches = (entry: string) => {
      const pattern = entry.replace(/^https?:\/\//, "").replace(/\/$/, "");
      if (pattern === "*") return true;
      return pattern.includes("/") ? isInRange(bareHost(domain), pattern) : pattern === domain;
    };
    if ((this.sources.insecureRegistries ?? []).some(matches)) return "insecure registry";
    const daemon = await this.daemonConfig();
    return (daemon["insecure-registries"] ?? []).some(matches) ? this.sources.daemonConfig : undefined;
  }

  private criRegistry(): Promise<CriRegistry> {
    this.cri ??= readConfig(this.sources.containerdConfig, async (text, path) =>
      readCriConfig(await parseToml(text, path), path),
    );
    return this.cri;
  }

  private daemonConfig(): Promise<DaemonConfig> {
    this.daemon ??= readConfig(this.sources.daemonConfig, async (text, path) => parseShaped(text, daemonFile, path));
    return this.daemon;
  }
}

function criTrust({ configs = {} }: CriRegistry, host: string): Trust {
  const { tls } = configs[host] ?? {};
  if (tls === undefined) return {};
  const { insecure_skip_verify: skip, ca_file: ca, cert_file: cert, key_file: key } = tls;
  return {
    ...(skip && { skipVerify: "redirects" as const }),
    ...(ca && { ca: [ca] }),
    ...(cert && { clients: [{ cert, ...(key && { key }) }] }),
  };
}

function mirror(address: string, domain: string, source: string): RegistryHost {
  const { origin, path } = parseHostAddress(address, { isWholePath: false, path: source });
  const isMirror = isMirrorOf(domain, origin);
  const capabilities = isMirror ? new Set(["resolve", "pull"] as const) : ALL_CAPABILITIES;
  return { origins: [origin], path, capabilities, trust: {}, headers: {}, isMirror, source };
}

async function readConfig<T extends object>(
  path: string | undefined,
  parse: (text: string, path: string) => Promise<T>,
): Promise<T | Record<string, never>> {
  const text = path === undefined ? undefined : await readOptional(path);
  return text && path !== undefined ? await parse(text, path) : {};
}

/** The text of a file that may be absent. @throws EngineError `permission-denied` for one that may not be read. */
async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new EngineError("permission-denied", `cannot read ${path}: ${code}`, { cause: error });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
