import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { credentialsFromHelper, eraseWithHelper, storeWithHelper } from "./credential-helper.ts";
import {
  credentialsIn,
  type DockerConfig,
  entryOf,
  helperFor,
  keyOfDomain,
  parseDockerConfig,
} from "./docker-config.ts";
import { changeAuths } from "./docker-config-file.ts";

/** How to prove who asks: a name and password, a token that buys access tokens, or an access token itself. */
export type Credentials =
  | { readonly type: "password"; readonly username: string; readonly password: string }
  | { readonly type: "identity-token"; readonly token: string; readonly username?: string }
  | { readonly type: "registry-token"; readonly token: string };

/** Credentials, and where they were found, in words. */
export interface FoundCredentials {
  readonly credentials: Credentials;
  readonly source: string;
}

/** Whoever knows credentials. */
export interface CredentialSource {
  get(domain: string): Promise<Credentials | undefined>;
  /** As `get`, with the place. */
  find(domain: string): Promise<FoundCredentials | undefined>;
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

  /**
   * Keeps credentials under a registry's key: with its helper, or in the file. Says which file holds them unencrypted,
   * if one does.
   *
   * @throws EngineError `invalid-argument` for a malformed file, `failed-precondition` when a helper fails.
   */
  async store(key: string, credentials: Credentials): Promise<{ readonly unencryptedIn: string | undefined }> {
    const helper = helperFor(await this.read(), key);
    if (helper === undefined) {
      await changeAuths(this.path, (auths) => ({ ...auths, [key]: entryOf(credentials) }));
      return { unencryptedIn: this.path };
    }
    await storeWithHelper(helper, key, credentials);
    // An empty entry: docker and others see by it that they have been here.
    await changeAuths(this.path, (auths) => ({ ...auths, [key]: {} }));
    return { unencryptedIn: undefined };
  }

  /**
   * Forgets what is kept under any of the keys. A helper that fails does not keep the file from forgetting.
   *
   * @throws EngineError `invalid-argument` for a malformed file; `failed-precondition` when every removal failed.
   */
  async erase(keys: readonly string[]): Promise<void> {
    const config = await this.read();
    if (keys.some((key) => config.auths !== undefined && Object.hasOwn(config.auths, key))) {
      await changeAuths(this.path, (auths) =>
        Object.fromEntries(Object.entries(auths).filter(([key]) => !keys.includes(key))),
      );
    }
    const failures: unknown[] = [];
    for (const key of keys) {
      const helper = helperFor(config, key);
      if (helper === undefined) continue;
      await eraseWithHelper(helper, key).catch((error: unknown) => failures.push(error));
    }
    if (failures.length === keys.length) throw failures[0];
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
