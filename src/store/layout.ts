import { join } from "node:path";

/**
 * Where each of wharf's own files lies. Everything under `dataRoot` outlives a reboot; everything under `runRoot` is on
 * a tmpfs and describes this boot alone. Paths with a namespace in them keep equal names of two namespaces apart.
 */
export interface Roots {
  readonly dataRoot: string;
  readonly runRoot: string;
}

/** The Engine API's socket. */
export function apiSocketPath({ runRoot }: Roots): string {
  return join(runRoot, "docker.sock");
}

/**
 * Locked by whoever changes what all wharfs of a host share. Not below a run root, since each has one of its own, and
 * beside the default one, which a wharf may be told to keep its files out of.
 */
export function hostLockPath(): string {
  return "/run/wharf-host/networks.lock";
}

/** Locked by the supervisor while it runs. */
export function supervisorLockPath({ runRoot }: Roots): string {
  return join(runRoot, "supervisor.lock");
}

/** Names the command that is starting a supervisor. */
export function supervisorStartPath({ runRoot }: Roots): string {
  return join(runRoot, "supervisor.start");
}

/** Holds the supervisor's process id while it runs. */
export function supervisorPidPath({ runRoot }: Roots): string {
  return join(runRoot, "supervisor.pid");
}

/** What the supervisor has to say, since it has no terminal. */
export function supervisorLogPath({ dataRoot }: Roots): string {
  return join(dataRoot, "supervisor.log");
}

/** The FIFOs of a namespace's containers, one directory a container. */
export function containersRunDir({ runRoot }: Roots, namespace: string): string {
  return join(runRoot, "containers", namespace);
}

/** The FIFOs of a container's main process. */
export function containerRunDir({ runRoot }: Roots, namespace: string, containerId: string): string {
  return join(runRoot, "containers", namespace, containerId);
}

/** The FIFOs of one exec process. */
export function execRunDir(roots: Roots, namespace: string, containerId: string, execId: string): string {
  return join(containerRunDir(roots, namespace, containerId), "exec", execId);
}

/** The /dev/shm that a container lends to others. */
export function sharedMemoryDir({ runRoot }: Roots, namespace: string, containerId: string): string {
  return join(runRoot, "shm", namespace, containerId);
}

/** A container's hostname, hosts, resolv.conf and log. */
export function containerDataDir({ dataRoot }: Roots, namespace: string, containerId: string): string {
  return join(dataRoot, "containers", namespace, containerId);
}

/** The directories of a namespace's volumes, one a volume. */
export function volumesDir({ dataRoot }: Roots, namespace: string): string {
  return join(dataRoot, "volumes", namespace);
}

/** Notes of the files that commands are writing elsewhere on the host. */
export function unfinishedFilesDir({ runRoot }: Roots): string {
  return join(runRoot, "unfinished");
}

/** An empty directory that private mount namespaces mount over. */
export function mountPointDir({ runRoot }: Roots): string {
  return join(runRoot, "mnt");
}
