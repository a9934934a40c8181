import { EngineError } from "../errors.ts";

/** The window of Engine API versions that are answered, as minor numbers of version 1. */
export const OLDEST_API_MINOR = 24;
export const NEWEST_API_MINOR = 51;

/** Takes the version prefix off a path: `/v1.43/info` is `/info` spoken by a client of 1.43. Without one: the newest. */
export function splitApiVersion(path: string): { readonly path: string; readonly apiMinor: number } {
  const found = /^\/v1\.(\d+)(\/.*)$/.exec(path);
  if (!found) return { path, apiMinor: NEWEST_API_MINOR };
  const [, minor = "", rest = ""] = found;
  const apiMinor = Number(minor);
  if (apiMinor < OLDEST_API_MINOR) {
    throw new EngineError(
      "invalid-argument",
      `client version 1.${apiMinor} is too old. Minimum supported API version is 1.${OLDEST_API_MINOR}, please upgrade your client to a newer version`,
    );
  }
  if (apiMinor > NEWEST_API_MINOR) {
    throw new EngineError(
      "invalid-argument",
      `client version 1.${apiMinor} is too new. Maximum supported API version is 1.${NEWEST_API_MINOR}`,
    );
  }
  return { path: rest, apiMinor };
}
