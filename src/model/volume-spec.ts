import { EngineError } from "../errors.ts";
import type { MountRequest } from "./container-config.ts";
import { checkMount, PROPAGATIONS } from "./mount-check.ts";
import { isAbsolutePath, resolvePath } from "./path.ts";

/** The five kinds of words in a mode such as `ro,z,rslave`, of which each may appear once. */
const MODE_KINDS: readonly ReadonlySet<string>[] = [
  new Set(["rw", "ro"]),
  new Set(["z", "Z"]),
  PROPAGATIONS,
  new Set(["nocopy"]),
  new Set(["consistent", "cached", "delegated"]),
];

/** What a `-v` asks for: a mount of something, or a volume without a name. */
export type VolumeFlag =
  | { readonly kind: "bind"; readonly bind: string }
  | { readonly kind: "anonymous"; readonly destination: string };

/**
 * Reads a `-v` as docker's command line does: `[source:]destination[:mode]`. A source that begins with a dot becomes
 * absolute; everything else is checked where the mount is made, by `parseBind`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseVolume(text: string, { cwd }: { readonly cwd: string }): VolumeFlag {
  if (text === "") throw invalid("invalid empty volume spec");
  const parts = text.split(":");
  if (parts.length === 1 || text === ":") return { kind: "anonymous", destination: text };
  if (parts.length > 3) throw invalid(`invalid spec: ${text}: too many colons`);
  if (parts.some((part) => part === "")) throw invalid(`invalid spec: ${text}: empty section between colons`);
  const [source = "", ...rest] = parts;
  return { kind: "bind", bind: [source.startsWith(".") ? resolvePath(cwd, source) : source, ...rest].join(":") };
}

/** An entry of `HostConfig.Binds`, taken apart. */
export interface BindSpec {
  readonly type: "bind" | "volume";
  /** An absolute path of the host, or a volume's name. */
  readonly source: string;
  readonly destination: string;
  /** The mode as it was written: `ro,z`. */
  readonly mode: string;
  readonly readOnly: boolean;
  /** `""`: the default of the mount's type. */
  readonly propagation: string;
  /** The volume is not to be filled with what the image has at the destination. */
  readonly noCopy: boolean;
}

/**
 * Reads an entry of `HostConfig.Binds` as docker's daemon does: `source:destination[:mode]`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseBind(text: string): BindSpec {
  const [source = "", destination, mode = "", ...more] = text.split(":");
  if (source === "" || destination === undefined || more.length > 0 || (mode === "" && isMode(destination))) {
    throw invalid(`invalid volume specification: '${text}'`);
  }
  if (!isMode(mode)) throw invalid(`invalid mode: ${mode}`);
  const words = mode.split(",");
  const propagation = words.find((word) => PROPAGATIONS.has(word)) ?? "";
  const noCopy = words.includes("nocopy");
  const type = isAbsolutePath(source) ? "bind" : "volume";
  const request: MountRequest = {
    Type: type,
    Source: source,
    Target: destination,
    ...(propagation !== "" && { BindOptions: { Propagation: propagation } }),
    ...(noCopy && { VolumeOptions: { NoCopy: true } }),
  };
  try {
    checkMount(request);
  } catch (error) {
    throw invalid(`invalid volume specification: '${text}': ${(error as Error).message}`);
  }
  return {
    type,
    source: type === "bind" ? resolvePath("/", source) : source,
    destination: resolvePath("/", destination),
    mode,
    readOnly: words.includes("ro"),
    propagation,
    noCopy,
  };
}

function isMode(text: string): boolean {
  if (text === "") return true;
  const kinds = text.split(",").map((word) => MODE_KINDS.findIndex((kind) => kind.has(word)));
  return !kinds.includes(-1) && new Set(kinds).size === kinds.length;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
