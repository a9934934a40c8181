import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { credentialsFromHelper } from "./credential-helper.ts";
import { credentialsIn, type DockerConfig, helperFor, keyOfDomain, parseDockerConfig } from "./docker-config.ts";

/** How to prove who asks: a name and password, a token that buys access tokens, or an access token itself. */
export type Credentials =
  | { readonly type: "password"; readonly username: string; readonly password: string }
  | { readonly type: "identity-token"; readonly token: string }
  | { readonly type: "registry-token"; readonly token: string };

/** Credentials, and where they were found, in words. */
export interface FoundCredentials {
  readonly credentials: Credentials;
  readonly source: string;
}

/** Whoever knows credentials. */
export interface CredentialSource {
  get(domain: string): Promise<Credentials | undefined>;
}

/** Credentials as docker keeps them: `config.json` in one directory, and the helpers that it names. */
export class CredentialStore implements CredentialSource {
  private readonly path: string;

  constructor(configDirectory: string) {
    this.path = join(configDirectory, "config.json");
  }

  /**
   * The credentials for a registry's domain, or undefined for an anonymous visitor. A helper of that registry comes
   * before the common helper, and that before the file.
   *
   * @throws EngineError `invalid-argument` when the file is malformed, `failed-precondition` when a helper fails.
   */
  async get(domain: string): Promise<Credentials | undefined> {
    return (await this.find(domain))?.credentials;
  }

  /** As `get`, with the place. */
  async find(domain: string): Promise<FoundCredentials | undefined> {
    const config = await this.read();
    const key = keyOfDomain(domain);
    const helper = helperFor(config, key);
    const fromHelper = helper ? await credentialsFromHelper(helper, key) : undefined;
    if (fromHelper) return { credentials: fromHelper, source: `docker-credential-${helper}, named in ${this.path}` };
    const entry = credentialsIn(config, key);
    return entry && { credentials: entry.credentials, source: `auths[${JSON.stringify(entry.key)}] in ${this.path}` };
  }

  private async read(): Promise<DockerConfig> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch {
      // Absent, or a home directory that is not ours to read: nobody in particular.
      return {};
    }
    return parseDockerConfig(text, this.path);
  }
}
