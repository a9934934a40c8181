import { EngineError } from "../errors.ts";
import type { MountRequest } from "./container-config.ts";
import { isAbsolutePath, resolvePath } from "./path.ts";

/** How mounts made later on one side of a bind mount appear on the other: mount_namespaces(7). */
export const PROPAGATIONS: ReadonlySet<string> = new Set([
  "private",
  "rprivate",
  "slave",
  "rslave",
  "shared",
  "rshared",
]);

/**
 * Checks a mount as docker's daemon does before it makes one. Whether a source exists is for the engine to see.
 *
 * @throws EngineError `invalid-argument`.
 */
export function checkMount(mount: MountRequest): void {
  const refuse = (reason: string): never => {
    throw invalid(`invalid mount config for type "${mount.Type}": ${reason}`);
  };
  if (mount.Target === "") refuse("field Target must not be empty");
  if (resolvePath("/", mount.Target) === "/") refuse("invalid specification: destination can't be '/'");
  if (!isAbsolutePath(mount.Target)) refuse(notAbsolute(mount.Target));
  switch (mount.Type) {
    case "bind":
      checkBind(mount, refuse);
      break;
    case "volume":
      checkVolume(mount, refuse);
      break;
    case "tmpfs":
      if (mount.BindOptions !== undefined) refuse("field BindOptions must not be specified");
      if (mount.VolumeOptions !== undefined) refuse("field VolumeOptions must not be specified");
      if (mount.Source) refuse("field Source must not be specified");
      break;
    default:
      refuse("mount type unknown");
  }
}

function checkBind(mount: MountRequest, refuse: (reason: string) => never): void {
  if (!mount.Source) refuse("field Source must not be empty");
  const propagation = mount.BindOptions?.Propagation;
  if (propagation && !PROPAGATIONS.has(propagation)) refuse(`invalid propagation mode: ${propagation}`);
  if (mount.VolumeOptions !== undefined) refuse("field VolumeOptions must not be specified");
  if (!isAbsolutePath(mount.Source ?? "")) refuse(notAbsolute(mount.Source ?? ""));
}

function checkVolume(mount: MountRequest, refuse: (reason: string) => never): void {
  if (mount.BindOptions !== undefined) refuse("field BindOptions must not be specified");
  const subpath = mount.VolumeOptions?.Subpath ?? "";
  if (!mount.Source && subpath !== "") refuse("must not set Subpath when using anonymous volumes");
  if (subpath !== "" && (isAbsolutePath(subpath) || subpath.split("/").includes(".."))) {
    refuse("subpath must be a relative path within the volume");
  }
  if (!mount.Source && mount.ReadOnly) refuse("must not set ReadOnly mode when using anonymous volumes");
}

function notAbsolute(path: string): string {
  return `invalid mount path: '${path}' mount path must be absolute`;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
