import { EngineError } from "../errors.ts";
import { API_VERSION, MIN_API_VERSION, NEWEST_API_MINOR, OLDEST_API_MINOR } from "../model/api-version.ts";

/** Takes the version prefix off a path: `/v1.43/info` is `/info` spoken by a client of 1.43. Without one: the newest. */
export function splitApiVersion(path: string): { readonly path: string; readonly apiMinor: number } {
  const found = /^\/v1\.(\d+)(\/.*)$/.exec(path);
  if (!found) return { path, apiMinor: NEWEST_API_MINOR };
  const [, minor = "", rest = ""] = found;
  const apiMinor = Number(minor);
  if (apiMinor < OLDEST_API_MINOR) {
    throw new EngineError(
      "invalid-argument",
      `client version 1.${apiMinor} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (apiMinor > NEWEST_API_MINOR) {
    throw new EngineError(
      "invalid-argument",
      `client version 1.${apiMinor} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  return { path: rest, apiMinor };
}
