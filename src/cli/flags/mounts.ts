import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { LooseCreateBody } from "../../model/create-body.ts";
import { keyValueMap } from "../../model/key-values.ts";
import { parseMount } from "../../model/mount-spec.ts";
import { parseVolume } from "../../model/volume-spec.ts";
import { Flags } from "../parameters.ts";

/** What a container sees beside its image. */
export const mountFlags = {
  volume: Flags.string({ char: "v", multiple: true, helpValue: "list", summary: "Bind mount a volume" }),
  mount: Flags.of((text) => parseMount(text, { cwd: process.cwd() }))({
    multiple: true,
    helpValue: "mount",
    summary: "Attach a filesystem mount to the container",
  }),
  tmpfs: Flags.string({ multiple: true, helpValue: "list", summary: "Mount a tmpfs directory" }),
  "volumes-from": Flags.string({
    multiple: true,
    helpValue: "list",
    summary: "Mount volumes from the specified container(s)",
  }),
  "volume-driver": Flags.string({
    helpValue: "string",
    summary: "Optional volume driver for the container",
  }),
  "read-only": Flags.boolean({ summary: "Mount the container's root filesystem as read only" }),
  "storage-opt": Flags.string({
    multiple: true,
    helpValue: "list",
    summary: "Storage driver options for the container",
  }),
};

/** Mounts and volumes, as the API has them. */
export function mountBody(flags: InferredFlags<typeof mountFlags>): LooseCreateBody {
  const volumes = (flags.volume ?? []).map((text) => parseVolume(text, { cwd: process.cwd() }));
  const binds = volumes.flatMap((volume) => (volume.kind === "bind" ? [volume.bind] : []));
  const anonymous = volumes.flatMap((volume) => (volume.kind === "anonymous" ? [volume.destination] : []));
  return {
    Volumes: anonymous.length > 0 ? Object.fromEntries(anonymous.map((path) => [path, {}])) : null,
    HostConfig: {
      Binds: binds.length > 0 ? binds : null,
      VolumesFrom: flags["volumes-from"] ?? null,
      VolumeDriver: flags["volume-driver"] ?? "",
      ReadonlyRootfs: flags["read-only"],
      ...(flags.mount && { Mounts: flags.mount }),
      ...(flags.tmpfs && { Tmpfs: Object.fromEntries(flags.tmpfs.map(splitTmpfs)) }),
      ...(flags["storage-opt"] && { StorageOpt: storageOptions(flags["storage-opt"]) }),
    },
  };
}

/** `path[:options]`. */
function splitTmpfs(text: string): [path: string, options: string] {
  const colon = text.indexOf(":");
  return colon === -1 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function storageOptions(options: readonly string[]): Record<string, string> {
  if (options.some((option) => !option.includes("="))) {
    throw new EngineError("invalid-argument", "invalid storage option");
  }
  return keyValueMap(options);
}
