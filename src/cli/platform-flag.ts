import { hostPlatform, type Platform, parsePlatform } from "../model/platform.ts";
import { Flags } from "./parameters.ts";

/** docker's `--platform`. */
export function platformFlag(summary: string) {
  return Flags.string({ helpValue: "string", summary });
}

/** The platform that this machine runs. */
export function ownPlatform(): Platform {
  return hostPlatform("linux", process.arch);
}

/**
 * The value of `--platform`, or undefined without one.
 *
 * @throws EngineError `invalid-argument`.
 */
export function chosenPlatform(text: string | undefined): Platform | undefined {
  return text === undefined || text === "" ? undefined : parsePlatform(text, ownPlatform());
}
