import { EngineError } from "../errors.ts";
import { parseByteSize } from "./byte-size.ts";
import type { MountRequest } from "./container-config.ts";
import { splitCsv } from "./csv.ts";
import { splitKeyValue } from "./key-values.ts";
import { resolvePath } from "./path.ts";

/** Fields that may stand alone for `=true`. */
const BARE_FIELDS = new Set(["readonly", "ro", "volume-nocopy", "bind-nonrecursive"]);

/**
 * Reads a `--mount`: comma-separated fields such as `type=bind,src=/data,dst=/x,ro`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseMount(text: string, { cwd }: { readonly cwd: string }): MountRequest {
  const empty: MountRequest = { Type: "volume", Target: "" };
  const mount = splitCsv(text).reduce((draft, field) => withField(draft, field, cwd), empty);
  if (mount.Type === ("" as string)) throw invalid("type is required");
  if (mount.Target === "") throw invalid("target is required");
  checkOptionKinds(mount);
  checkRecursion(mount);
  return mount;
}

function withField(draft: MountRequest, field: string, cwd: string): MountRequest {
  const split = splitKeyValue(field);
  const key = split.key.toLowerCase();
  if (split.value === undefined && !BARE_FIELDS.has(key)) {
    throw invalid(`invalid field '${field}' must be a key=value pair`);
  }
  const value = split.value ?? "true";
  switch (key) {
    case "type":
      // A type that does not exist is for the daemon's check to name.
      return { ...draft, Type: value.toLowerCase() as MountRequest["Type"] };
    case "source":
    case "src":
      return { ...draft, Source: value === "." || value.startsWith("./") ? resolvePath(cwd, value) : value };
    case "target":
    case "dst":
    case "destination":
      return { ...draft, Target: value };
    case "readonly":
    case "ro":
      return { ...draft, ReadOnly: parseBoolean(key, value) };
    case "consistency":
      return { ...draft, Consistency: value.toLowerCase() };
    default:
      return withOption(draft, { field, key, value });
  }
}

/** The fields that only one type of mount has. */
function withOption(
  draft: MountRequest,
  { field, key, value }: Record<"field" | "key" | "value", string>,
): MountRequest {
  const { BindOptions: bind, VolumeOptions: volume, TmpfsOptions: tmpfs } = draft;
  const driver = volume?.DriverConfig;
  switch (key) {
    case "bind-propagation":
      return { ...draft, BindOptions: { ...bind, Propagation: value.toLowerCase() } };
    case "bind-nonrecursive":
      return { ...draft, BindOptions: { ...bind, NonRecursive: parseBoolean(key, value) } };
    case "bind-recursive":
      return { ...draft, BindOptions: { ...bind, ...recursionOptions(value) } };
    case "volume-nocopy":
      return { ...draft, VolumeOptions: { ...volume, NoCopy: parseBoolean(key, value) } };
    case "volume-subpath":
      return { ...draft, VolumeOptions: { ...volume, Subpath: value } };
    case "volume-label":
      return { ...draft, VolumeOptions: { ...volume, Labels: { ...volume?.Labels, ...entryOf(value) } } };
    case "volume-driver":
      return { ...draft, VolumeOptions: { ...volume, DriverConfig: { ...driver, Name: value } } };
    case "volume-opt":
      return {
        ...draft,
        VolumeOptions: { ...volume, DriverConfig: { ...driver, Options: { ...driver?.Options, ...entryOf(value) } } },
      };
    case "tmpfs-size":
      return { ...draft, TmpfsOptions: { ...tmpfs, SizeBytes: parseTmpfsSize(value) } };
    case "tmpfs-mode":
      return { ...draft, TmpfsOptions: { ...tmpfs, Mode: parseTmpfsMode(value) } };
    default:
      throw invalid(`unexpected key '${key}' in '${field}'`);
  }
}

function recursionOptions(value: string): MountRequest["BindOptions"] {
  switch (value) {
    case "enabled":
      return undefined;
    case "disabled":
      return { NonRecursive: true };
    case "writable":
      return { ReadOnlyNonRecursive: true };
    case "readonly":
      return { ReadOnlyForceRecursive: true };
    default: {
      const choice = '(must be "enabled", "disabled", "writable", or "readonly")';
      throw invalid(`invalid value for bind-recursive: ${value} ${choice}`);
    }
  }
}

function checkOptionKinds({ Type, BindOptions, VolumeOptions, TmpfsOptions }: MountRequest): void {
  const mixed = [
    VolumeOptions !== undefined && Type !== "volume" && "volume-*",
    BindOptions !== undefined && Type !== "bind" && "bind-*",
    TmpfsOptions !== undefined && Type !== "tmpfs" && "tmpfs-*",
  ].find((kind) => kind !== false);
  if (mixed !== undefined) throw invalid(`cannot mix '${mixed}' options with mount type '${Type}'`);
}

function checkRecursion({ BindOptions, ReadOnly }: MountRequest): void {
  const requires = (option: string, other: string): EngineError =>
    invalid(`option 'bind-recursive=${option}' requires '${other}' to be specified in conjunction`);
  if (BindOptions?.ReadOnlyNonRecursive && !ReadOnly) throw requires("writable", "readonly");
  if (!BindOptions?.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw requires("readonly", "readonly");
  if (BindOptions.Propagation !== "rprivate") throw requires("readonly", "bind-propagation=rprivate");
}

const TRUE_WORDS = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE_WORDS = new Set(["0", "f", "F", "FALSE", "false", "False"]);

function parseBoolean(key: string, value: string): boolean {
  if (TRUE_WORDS.has(value)) return true;
  if (FALSE_WORDS.has(value)) return false;
  throw invalid(`invalid value for ${key}: ${value}`);
}

function parseTmpfsSize(value: string): number {
  try {
    return parseByteSize(value);
  } catch {
    throw invalid(`invalid value for tmpfs-size: ${value}`);
  }
}

function parseTmpfsMode(value: string): number {
  if (/^[0-7]{1,11}$/.test(value)) return Number.parseInt(value, 8);
  throw invalid(`invalid value for tmpfs-mode: ${value}`);
}

function entryOf(text: string): Record<string, string> {
  const { key, value } = splitKeyValue(text);
  return { [key]: value ?? "" };
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
