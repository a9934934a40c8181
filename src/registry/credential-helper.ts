import { execFile } from "node:child_process";
import { EngineError } from "../errors.ts";
import { object, optional, parseShaped, string } from "../model/json-shape.ts";
import { credentialHelperEnvironment } from "../program-environment.ts";
import type { Credentials } from "./credentials.ts";

/**
 * A program `docker-credential-<name>`, which keeps credentials in a key ring or vault: docker's protocol, in which
 * everything secret goes by stdin and stdout.
 */
const answer = object({ Username: optional(string), Secret: optional(string) });

/** The user name with which a helper marks an identity token. */
const TOKEN_USERNAME = "<token>";
const HELPER_NAME = /^[A-Za-z0-9._-]+$/;
const TIMEOUT_MS = 60_000;
/** What every helper prints, with exit code 1, when it knows nothing of a registry. */
const NOT_FOUND = /credentials not found/i;

/** The helper's program. @throws EngineError `invalid-argument` for a name that leads elsewhere. */
export function helperProgram(helper: string): string {
  if (!HELPER_NAME.test(helper)) {
    throw new EngineError("invalid-argument", `invalid credential helper name: ${JSON.stringify(helper)}`);
  }
  return `docker-credential-${helper}`;
}

/** What the helper has under a registry's key, if anything. @throws EngineError `failed-precondition` when it fails. */
export async function credentialsFromHelper(helper: string, key: string): Promise<Credentials | undefined> {
  const program = helperProgram(helper);
  const text = await runHelper(program, "get", key);
  if (text === undefined) return undefined;
  const { Username: username, Secret: secret } = parseShaped(text, answer, program);
  if (username === undefined || !secret) return undefined;
  return username === TOKEN_USERNAME
    ? { type: "identity-token", token: secret }
    : { type: "password", username, password: secret };
}

/** Has the helper keep credentials under a registry's key. @throws EngineError `failed-precondition` when it fails. */
export async function storeWithHelper(helper: string, key: string, credentials: Credentials): Promise<void> {
  const [username, secret] =
    credentials.type === "password"
      ? [credentials.username, credentials.password]
      : [TOKEN_USERNAME, credentials.token];
  const input = JSON.stringify({ ServerURL: key, Username: username, Secret: secret });
  await runHelper(helperProgram(helper), "store", input);
}

/** Has the helper forget a registry's credentials. @throws EngineError `failed-precondition` when it fails. */
export async function eraseWithHelper(helper: string, key: string): Promise<void> {
  await runHelper(helperProgram(helper), "erase", key);
}

const DEEDS = { get: "getting", store: "saving", erase: "erasing" } as const;

/** Its stdout; undefined when it knows nothing of the registry. */
function runHelper(program: string, action: keyof typeof DEEDS, input: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, env: credentialHelperEnvironment() };
    const child = execFile(program, [action], options, (error, stdout, stderr) => {
      if (!error) {
        resolve(stdout);
      } else if (NOT_FOUND.test(stdout + stderr)) {
        resolve(undefined);
      } else {
        const said = (stdout + stderr).trim().split("\n", 1)[0];
        const reason = error.code === "ENOENT" ? "it is not in $PATH" : said || `it failed with ${error.code}`;
        reject(
          new EngineError(
            "failed-precondition",
            `error ${DEEDS[action]} credentials ${FROM[action]} ${program}: ${reason}`,
          ),
        );
      }
    });
    // A helper that is absent or does not read closes the pipe; the callback above says what happened.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

const FROM = { get: "from", store: "with", erase: "from" } as const;
