import { type CredentialSource, CredentialStore, type Credentials, type FoundCredentials } from "./credentials.ts";
import { HostConfiguration, type HostSources } from "./host-configuration.ts";
import type { Environment } from "./proxy.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "./retry.ts";
import { RegistrySession } from "./session.ts";

export interface RegistryOptions {
  /** Directory of docker's `config.json`. */
  readonly configDirectory: string;
  readonly userAgent: string;
  /** Where it is written how registries are reached; by their names alone when absent. */
  readonly hosts?: HostSources;
  /** Proxies and authorities are named there. */
  readonly environment?: Environment;
  readonly retry?: RetryPolicy;
  /** How long a registry may say nothing in the middle of an answer. */
  readonly idleTimeoutMs?: number;
}

/** Credentials by docker's files and helpers, and where those know nothing by the CRI plugin's configuration. */
export class KnownCredentials implements CredentialSource {
  private readonly store: CredentialStore;

  constructor(
    configDirectory: string,
    private readonly hosts: HostConfiguration,
  ) {
    this.store = new CredentialStore(configDirectory);
  }

  async get(domain: string): Promise<Credentials | undefined> {
    return (await this.find(domain))?.credentials;
  }

  async find(domain: string): Promise<FoundCredentials | undefined> {
    return (await this.store.find(domain)) ?? (await this.hosts.credentialsOf(domain));
  }
}

/** Opens the door to registries. undici is loaded here, by those alone who speak to one. The caller closes it. */
export async function openSession(
  options: RegistryOptions,
  login: { readonly credentials?: CredentialSource; readonly onRefreshToken?: (token: string) => void } = {},
): Promise<RegistrySession> {
  const { Transport } = await import("./transport.ts");
  const { configDirectory, userAgent, environment = {}, retry = DEFAULT_RETRY, idleTimeoutMs } = options;
  const hosts = new HostConfiguration(options.hosts ?? {});
  const transport = new Transport({ environment, idleTimeoutMs });
  return new RegistrySession({
    transport,
    hosts,
    credentials: login.credentials ?? new KnownCredentials(configDirectory, hosts),
    userAgent,
    retry,
    onRefreshToken: login.onRefreshToken,
  });
}
