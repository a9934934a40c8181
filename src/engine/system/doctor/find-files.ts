import { reasonOf } from "./chart.ts";
import type { Finder } from "./finding.ts";

/** The hosts, resolv.conf and log of containers that are gone. */
export const findContainerFiles: Finder = async ({ engine: { store } }, chart) => {
  const directories = await store.leftovers.dataDirectories();
  const stale = directories.filter(({ namespace, containerId }) => {
    return chart.covers(namespace) && chart.find(namespace, containerId) === undefined && !chart.mayRun(containerId);
  });
  return await Promise.all(
    stale.map(async (directory) => ({
      kind: "files",
      object: directory.path,
      namespace: directory.namespace,
      why: `container ${directory.containerId.slice(0, 12)} is gone`,
      remedy: "remove its files and its log",
      bytes: await store.leftovers.sizeOf(directory.path),
      mend: () => store.leftovers.remove(directory),
    })),
  );
};

/** FIFOs of processes that do not run, of containers and of `exec`. */
export const findFifos: Finder = async ({ engine: { containerd, store }, stdio }, chart, signal) => {
  const containers = (await store.leftovers.runDirectories()).filter(({ namespace, containerId, path }) => {
    return chart.covers(namespace) && !stdio.isOpen(path) && !chart.mayRun(containerId);
  });
  const gone = new Set(containers.map(({ containerId }) => containerId));
  const execs = [];
  for (const exec of await store.leftovers.execDirectories()) {
    const { namespace, containerId, execId, path } = exec;
    if (!chart.covers(namespace) || gone.has(containerId) || stdio.isOpen(path)) continue;
    const process = await containerd
      .withNamespace(namespace)
      .tasks.get(containerId, execId, { signal })
      .catch(() => undefined);
    if (process === undefined) execs.push(exec);
  }
  return [
    ...containers.map(({ path, namespace, containerId }) => ({
      kind: "fifo",
      object: path,
      namespace,
      why: reasonOf(chart, containerId),
      remedy: "remove its FIFOs",
      mend: () => chart.whileIdle(containerId, () => store.leftovers.remove({ path })),
    })),
    ...execs.map(({ path, namespace }) => ({
      kind: "exec",
      object: path,
      namespace,
      why: "the process that it was made for has ended",
      remedy: "remove its FIFOs",
      mend: () => store.leftovers.remove({ path }),
    })),
  ];
};

/** Memory that containers lent to others, mounted still though they do not run. */
export const findSharedMemory: Finder = async ({ engine: { store } }, chart) => {
  const directories = await store.leftovers.sharedMemoryDirectories();
  const stale = directories.filter(
    ({ namespace, containerId }) => chart.covers(namespace) && !chart.mayRun(containerId),
  );
  return await Promise.all(
    stale.map(async ({ namespace, containerId, path }) => ({
      kind: "mount",
      object: path,
      namespace,
      why: reasonOf(chart, containerId),
      remedy: (await store.leftovers.isMountPoint(path)) ? "unmount and remove it" : "remove it",
      mend: () => chart.whileIdle(containerId, () => store.withNamespace(namespace).sharedMemory.remove(containerId)),
    })),
  );
};

/** Volumes that a supervisor was making or removing when it was killed: it is the only one who does either. */
export const findUnfinishedVolumes: Finder = async ({ engine: { store }, startedAtMs }) => {
  const volumes = await store.leftovers.unfinishedVolumes();
  const stale = volumes.filter(({ changedAtMs }) => changedAtMs < startedAtMs);
  return await Promise.all(
    stale.map(async ({ path, namespace, isNew }) => ({
      kind: "volume",
      object: path,
      namespace,
      why: isNew ? "whoever made it was killed before it was one" : "its removal was begun and did not come to its end",
      remedy: "remove it",
      bytes: await store.leftovers.sizeOf(path),
      mend: () => store.leftovers.remove({ path }),
    })),
  );
};

/** Files that commands such as `save -o` were writing when they were killed. */
export const findUnfinishedFiles: Finder = async ({ engine: { store } }) => {
  return (await store.unfinishedFiles.abandoned()).map((file) => ({
    kind: "file",
    object: file.path,
    why: "the command that wrote it was killed",
    remedy: "remove it",
    bytes: file.sizeBytes,
    mend: () => store.unfinishedFiles.remove(file),
  }));
};
