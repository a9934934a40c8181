import { EngineError } from "../errors.ts";
import { list, object, optional, otherwise, type Shape, string } from "./json-shape.ts";

/** A *platform* is what an image runs on, in OCI's field names: `linux`, `arm`, `v7`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** A platform in JSON that came from outside. */
export const platformShape = object({
  os: otherwise(string, ""),
  architecture: otherwise(string, ""),
  variant: optional(string),
  "os.version": optional(string),
  "os.features": optional(list(string)),
}) satisfies Shape<Platform>;

const OPERATING_SYSTEMS = new Set(
  "aix android darwin dragonfly freebsd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos".split(
    " ",
  ),
);
const ARCHITECTURES = new Set(
  "386 amd64 amd64p32 arm armbe arm64 arm64be loong64 ppc64 ppc64le mips mipsle mips64 mips64le mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm".split(
    " ",
  ),
);
const COMPONENT = /^[A-Za-z0-9_-]+$/;

/** Go's names, which images use, for Node's and for the other spellings in use. */
const ARCHITECTURE_ALIASES: Readonly<Record<string, string>> = {
  x64: "amd64",
  x86_64: "amd64",
  "x86-64": "amd64",
  ia32: "386",
  i386: "386",
  aarch64: "arm64",
  armhf: "arm",
  armel: "arm",
  mipsel: "mipsle",
  mips64el: "mips64le",
};

/**
 * Reads `os`, `arch`, `os/arch` or `os/arch/variant`; what is left out is the host's.
 *
 * @throws EngineError `invalid-argument`, in docker's words.
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => COMPONENT.test(part))) {
    throw new EngineError("invalid-argument", `"${text}": cannot parse platform specifier: invalid argument`);
  }
  const [first = "", architecture, variant] = parts;
  if (architecture !== undefined) {
    return normalizePlatform({ os: first, architecture, ...(variant === undefined ? {} : { variant }) });
  }
  const os = normalizeOs(first);
  if (OPERATING_SYSTEMS.has(os)) {
    return { ...host, os };
  }
  const platform = normalizePlatform({ os: host.os, architecture: first });
  if (!ARCHITECTURES.has(platform.architecture)) {
    throw new EngineError("invalid-argument", `"${first}": unknown operating system or architecture: invalid argument`);
  }
  return platform;
}

/** `linux/amd64`, `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/** The platform of a host, from the names that Node gives to its system and processor. */
export function hostPlatform(os: string, architecture: string): Platform {
  return normalizePlatform({ os, architecture });
}

/** One spelling for each platform: aliases resolved, the variant that is implied left out. */
export function normalizePlatform(platform: Platform): Platform {
  const { variant: given, ...rest } = platform;
  const spelled = platform.architecture.toLowerCase();
  const architecture = ARCHITECTURE_ALIASES[spelled] ?? spelled;
  const variant = normalizeVariant(architecture, spelled, given?.toLowerCase() ?? "");
  return { ...rest, os: normalizeOs(platform.os), architecture, ...(variant ? { variant } : {}) };
}

function normalizeOs(os: string): string {
  const lower = os.toLowerCase();
  return lower === "macos" ? "darwin" : lower;
}

function normalizeVariant(architecture: string, spelled: string, variant: string): string {
  if (architecture === "arm") {
    const version = spelled === "armel" ? "v6" : variant;
    return version === "" ? "v7" : prefixed(version);
  }
  if (architecture === "arm64") {
    return variant === "8" || variant === "v8" ? "" : prefixed(variant);
  }
  return architecture === "amd64" && variant === "v1" ? "" : variant;
}

function prefixed(variant: string): string {
  return /^[0-9]/.test(variant) ? `v${variant}` : variant;
}

/**
 * How well a host that wants `want` runs an image made for `have`: 0 is exactly, larger is further, undefined not at
 * all. A processor also runs what was built for its older variants, and amd64 runs 386, as in containerd's matcher.
 */
export function platformDistance(want: Platform, have: Platform): number | undefined {
  const wanted = normalizePlatform(want);
  const offered = normalizePlatform(have);
  if (wanted.os !== offered.os) {
    return undefined;
  }
  const key = formatPlatform(offered);
  const index = runnable(wanted).findIndex((candidate) => formatPlatform(candidate) === key);
  return index < 0 ? undefined : index;
}

/** True when a host that wants `want` can run an image made for `have`. */
export function matchesPlatform(want: Platform, have: Platform): boolean {
  return platformDistance(want, have) !== undefined;
}

function runnable({ os, architecture, variant = "" }: Platform): Platform[] {
  switch (architecture) {
    case "amd64":
      return [...olderVariants({ os, architecture, variant }, 1), { os, architecture: "386" }];
    case "arm":
      return olderVariants({ os, architecture, variant }, 5);
    case "arm64":
      return [
        ...olderVariants({ os, architecture, variant: variant || "v8" }, 8),
        ...olderVariants({ os, architecture: "arm", variant: "v8" }, 5),
      ];
    default:
      return [{ os, architecture, ...(variant ? { variant } : {}) }];
  }
}

function olderVariants(platform: Platform, oldest: number): Platform[] {
  const newest = Number(/^v(\d+)$/.exec(platform.variant ?? "")?.[1] ?? oldest);
  if (newest <= oldest) {
    return [normalizePlatform(platform)];
  }
  return Array.from({ length: newest - oldest + 1 }, (_, step) =>
    normalizePlatform({ ...platform, variant: `v${newest - step}` }),
  );
}
