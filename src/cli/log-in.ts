import { EngineError } from "../errors.ts";
import type { Settings } from "../model/settings.ts";
import { CredentialStore, type Credentials } from "../registry/credentials.ts";
import { DOCKER_HUB_KEY, keyOfAddress } from "../registry/docker-config.ts";
import { proveCredentials } from "../registry/login.ts";
import { readInput } from "./input-stream.ts";
import { printError } from "./output.ts";
import { promptLine } from "./prompt.ts";
import { dockerConfigDirectory, registryOptionsFor } from "./registry-settings.ts";

export interface LoginRequest {
  /** As the user wrote it; empty for Docker Hub. */
  readonly server: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly passwordStdin: boolean;
}

type Context = { readonly signal: AbortSignal };

/**
 * Proves to a registry who we are, and keeps the credentials as docker does. Those that are kept already are tried first
 * when none are given; what is still missing is asked for.
 *
 * @throws EngineError `unauthenticated` when the registry refuses them.
 */
export async function logIn(settings: Settings, request: LoginRequest, context: Context): Promise<void> {
  const key = keyOfAddress(request.server);
  const domain = key === DOCKER_HUB_KEY ? "docker.io" : key;
  const store = new CredentialStore(dockerConfigDirectory(process.env));
  const options = registryOptionsFor(settings, process.env);
  const prove = (credentials: Credentials) => proveCredentials(options, { domain, credentials }, context);
  if (request.username === undefined && request.password === undefined) {
    const known = await store.get(domain);
    if (known !== undefined && (await tryKnown(known, prove))) return;
  }
  const credentials = await askFor(request, context);
  const proven = await prove(credentials);
  const { unencryptedIn } = await store.store(key, proven);
  if (unencryptedIn !== undefined) warnOfPlainFile(unencryptedIn);
}

async function tryKnown(known: Credentials, prove: (credentials: Credentials) => Promise<unknown>): Promise<boolean> {
  const name = known.type === "password" ? ` [Username: ${known.username}]` : "";
  printError(`Authenticating with existing credentials...${name}\n`);
  try {
    await prove(known);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === "canceled") throw error;
    printError(`Login did not succeed, error: ${error.message}\n`);
    return false;
  }
  const advice = "To login with a different account, run 'wharf logout' followed by 'wharf login'";
  printError(`\n Info -> ${advice}\n\n\n`);
  return true;
}

async function askFor(request: LoginRequest, context: Context): Promise<Credentials> {
  const { passwordStdin, username = "" } = request;
  if (passwordStdin) {
    const password = (await readInput(process.stdin)).replace(/(?:\r?\n)+$/, "");
    return { type: "password", username, password: nonEmpty(password, "password is empty") };
  }
  const isComplete = username !== "" && request.password !== undefined;
  if (!isComplete && !(process.stdin.isTTY && process.stdout.isTTY)) {
    throw new EngineError("failed-precondition", "cannot perform an interactive login from a non TTY device");
  }
  const name = username.trim() || (await promptLine("Username: ", context)).trim();
  nonEmpty(name, "username is required");
  const password = request.password ?? (await promptLine("Password: ", { ...context, secret: true }));
  return { type: "password", username: name, password: nonEmpty(password, "password is required") };
}

function nonEmpty(text: string, complaint: string): string {
  if (text === "") throw new EngineError("invalid-argument", complaint);
  return text;
}

function warnOfPlainFile(path: string): void {
  printError(`
WARNING! Your credentials are stored unencrypted in '${path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`);
}
