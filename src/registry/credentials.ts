import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { mapOf, object, optional, parseShaped, type Shape, string } from "../model/json-shape.ts";
import { credentialHelperEnvironment } from "../program-environment.ts";

/** How to prove who asks: a name and password, a token that buys access tokens, or an access token itself. */
export type Credentials =
  | { readonly type: "password"; readonly username: string; readonly password: string }
  | { readonly type: "identity-token"; readonly token: string }
  | { readonly type: "registry-token"; readonly token: string };

/** One registry's entry in `auths` of docker's `config.json`. */
interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** The part of docker's `config.json` that says who we are. */
interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

const text = optional(string);
const authEntry = object({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
}) satisfies Shape<AuthEntry>;
const dockerConfig = optional(
  object({
    auths: optional(mapOf((value, path) => optional(authEntry)(value, path) ?? {})),
    credsStore: text,
    credHelpers: optional(mapOf(string)),
  }),
) satisfies Shape<DockerConfig | undefined>;
const helperAnswer = object({ Username: text, Secret: text });

/** Docker Hub's key, which kept the address of the first version of its API. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
/** The user name with which a credential helper marks an identity token. */
const TOKEN_USERNAME = "<token>";
const HELPER_NAME = /^[A-Za-z0-9._-]+$/;
const HELPER_TIMEOUT_MS = 60_000;
/** What every helper prints, with exit code 1, when it knows nothing of a registry. */
const HELPER_NOT_FOUND = /credentials not found/i;

/** Credentials as docker keeps them: `config.json` in one directory, and the helpers that it names. */
export class CredentialStore {
  constructor(private readonly configDirectory: string) {}

  /**
   * The credentials for a registry's domain, or undefined for an anonymous visitor. A helper of that registry comes
   * before the common helper, and that before the file.
   *
   * @throws EngineError `invalid-argument` when the file is malformed, `failed-precondition` when a helper fails.
   */
  async get(domain: string): Promise<Credentials | undefined> {
    const config = await this.read();
    const key = domain === "docker.io" ? DOCKER_HUB_KEY : domain;
    const helper = config.credHelpers?.[domain] ?? config.credHelpers?.[key] ?? config.credsStore;
    const fromHelper = helper ? await askHelper(helper, key) : undefined;
    return fromHelper ?? credentialsIn(config, key);
  }

  private async read(): Promise<DockerConfig> {
    const path = join(this.configDirectory, "config.json");
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch {
      // Absent, or a home directory that is not ours to read: nobody in particular.
      return {};
    }
    return parseDockerConfig(text, path);
  }
}

/** The credentials that the text of a `config.json` holds under a key. @throws EngineError `invalid-argument`, naming the file. */
export function dockerConfigCredentials(text: string, path: string, key: string): Credentials | undefined {
  return credentialsIn(parseDockerConfig(text, path), key);
}

function parseDockerConfig(text: string, path: string): DockerConfig {
  return parseShaped(text, dockerConfig, path) ?? {};
}

function credentialsIn({ auths = {} }: DockerConfig, key: string): Credentials | undefined {
  return fromEntry(findEntry(auths, key));
}

/** Finds an entry by its key, or by the host in its key: older versions of docker wrote whole addresses. */
function findEntry(auths: Readonly<Record<string, AuthEntry>>, key: string): AuthEntry | undefined {
  if (auths[key]) {
    return auths[key];
  }
  const host = hostOf(key);
  return Object.entries(auths).find(([candidate]) => hostOf(candidate) === host)?.[1];
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
}

function fromEntry(entry: AuthEntry | undefined): Credentials | undefined {
  if (!entry) {
    return undefined;
  }
  if (entry.identitytoken) {
    return { type: "identity-token", token: entry.identitytoken };
  }
  if (entry.registrytoken) {
    return { type: "registry-token", token: entry.registrytoken };
  }
  const decoded = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : "";
  const colon = decoded.indexOf(":");
  const username = colon > 0 ? decoded.slice(0, colon) : entry.username;
  // docker pads the password with NUL bytes in some files.
  const password = colon > 0 ? decoded.slice(colon + 1).replace(/\0+$/, "") : entry.password;
  return username && password ? { type: "password", username, password } : undefined;
}

/** Runs `docker-credential-<helper> get`, with the registry's key on its stdin. */
async function askHelper(helper: string, key: string): Promise<Credentials | undefined> {
  if (!HELPER_NAME.test(helper)) {
    throw new EngineError("invalid-argument", `invalid credential helper name: ${JSON.stringify(helper)}`);
  }
  const program = `docker-credential-${helper}`;
  const answer = await runHelper(program, key);
  if (answer === undefined) {
    return undefined;
  }
  const { Username: username, Secret: secret } = parseShaped(answer, helperAnswer, program);
  if (username === undefined || !secret) {
    return undefined;
  }
  return username === TOKEN_USERNAME
    ? { type: "identity-token", token: secret }
    : { type: "password", username, password: secret };
}

function runHelper(program: string, key: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { timeout: HELPER_TIMEOUT_MS, env: credentialHelperEnvironment() };
    const child = execFile(program, ["get"], options, (error, stdout, stderr) => {
      if (!error) {
        resolve(stdout);
      } else if (HELPER_NOT_FOUND.test(stdout + stderr)) {
        resolve(undefined);
      } else {
        const said = (stdout + stderr).trim().split("\n", 1)[0];
        const reason = error.code === "ENOENT" ? "it is not in $PATH" : said || error.message;
        reject(new EngineError("failed-precondition", `error getting credentials from ${program}: ${reason}`));
      }
    });
    // A helper that is absent or does not read closes the pipe; the callback above says what happened.
    child.stdin?.on("error", () => {});
    child.stdin?.end(key);
  });
}
