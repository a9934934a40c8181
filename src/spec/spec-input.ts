import type { ContainerRecord } from "../model/container-record.ts";
import type { ResolvedUser } from "../model/user-spec.ts";
import type { HostFacts } from "./host-facts.ts";

/** Everything that decides a container's runtime spec; whoever builds one has looked the host's parts up. */
export interface SpecInput {
  /** Its `config` has the image's laid under it already: see `mergeImageConfig`. */
  readonly record: ContainerRecord;
  readonly user: ResolvedUser;
  /** The name that the container gives itself: its own, or the host's with the host's network. */
  readonly hostname: string;
  /** Absent: the host's network for `host`, a fresh and empty one for `none`. */
  readonly netnsPath?: string;
  /** Namespaces of another container that this one joins, as `/proc/<pid>/ns/<type>`. */
  readonly sharedNamespaces: { readonly ipc?: string; readonly pid?: string; readonly network?: string };
  /** `/dev/shm` on the host side, when it is shared with another container or the host. */
  readonly sharedShm?: string;
  /** Host paths that are bound at /etc/resolv.conf, /etc/hostname and /etc/hosts; `undefined`: the image's own. */
  readonly etcFiles: { readonly resolvConf?: string; readonly hostname?: string; readonly hosts?: string };
  /** The devices of `--device` with directories walked, or all of /dev for a privileged container. */
  readonly devices: readonly DeviceInfo[];
  /** Device numbers of the paths that blkio limits name. */
  readonly blockDevices: Readonly<Record<string, { readonly major: number; readonly minor: number }>>;
  readonly host: HostFacts;
  /** Cgroup of the container: `/docker/<id>`-like, or `slice:prefix:id` for systemd. See `cgroupsPathOf`. */
  readonly cgroupsPath: string;
}

/** A device node of the host, as `stat` shows it. */
export interface DeviceInfo {
  /** Where the container sees it. */
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  /** Permission bits, e.g. 0o660. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
  /** What the device cgroup lets the container do with it: `rwm`. */
  readonly permissions: string;
}
