import { setFlagsFromString } from "node:v8";
import { Networks } from "../cni/networks.ts";
import { type Containerd, connectContainerd } from "../containerd/client.ts";
import { faultPoint } from "../fault-point.ts";
import type { Settings } from "../model/settings.ts";
import { Stdio } from "../stdio/stdio.ts";
import { readHostFacts } from "../store/host-facts.ts";
import { apiSocketPath } from "../store/layout.ts";
import { dockerGroup, makePrivateDirectory } from "../store/private-directory.ts";
import { Store } from "../store/store.ts";
import { Namespaces } from "./namespaces.ts";
import { onStopSignal, SupervisorLock } from "./process.ts";
import { Router } from "./router.ts";
import { addContainerRoutes } from "./routes/containers.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addExecRoutes } from "./routes/execs.ts";
import { addImageRoutes } from "./routes/images.ts";
import { addStreamRoutes } from "./routes/streams.ts";
import { addSystemRoutes } from "./routes/system.ts";
import { ApiServer } from "./server.ts";

/** Set by the build from package.json. */
declare const WHARF_VERSION: string;

/** What a daemon is given by its service manager: what it makes is writable for its owner alone. */
const FILE_CREATION_MASK = 0o022;

/** A containerd that does not answer, and the like, is logged; the process goes on. */
function logDefect(error: unknown): void {
  console.error(new Date().toISOString(), error);
}

/**
 * The composition root of the supervisor: one process for each run root, whose only argument is the settings as JSON.
 * It returns when the supervisor is up, and the process lives as long as its socket; SIGTERM ends it and leaves the
 * containers running.
 */
async function supervise(settings: Settings): Promise<void> {
  // Modes are what this program says, whatever the shell that started it is used to: containers read some of its files.
  process.umask(FILE_CREATION_MASK);
  // Filters are regular expressions of clients: one that would be tried for years is left to an engine of linear time.
  setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
  makePrivateDirectory(settings.dataRoot);
  const lock = await SupervisorLock.acquire(settings);
  if (!lock) return;
  process.title = "wharf-supervisor";
  faultPoint("supervisor.locked");
  process.on("unhandledRejection", logDefect);
  const startedAt = new Date().toISOString();
  const containerd = connectContainerd(settings);
  const stdio = new Stdio(settings.runRoot);
  const networks = new Networks(settings);
  const namespaces = new Namespaces({
    settings,
    containerd,
    networks,
    store: new Store(settings),
    host: await readHostFacts(),
    stdio,
    onDefect: logDefect,
  });
  const shutDown = async () => {
    await server.close();
    await namespaces.release();
    await stdio.release();
    await networks.close().catch(logDefect);
    containerd.close();
    lock.release();
    process.exit();
  };
  const router = new Router();
  addSystemRoutes(router, {
    version: WHARF_VERSION,
    status: () => ({
      Version: WHARF_VERSION,
      Pid: process.pid,
      StartedAt: startedAt,
      Address: settings.address,
      Namespaces: namespaces.names,
      Containers: namespaces.runningCount,
      MemoryBytes: process.memoryUsage.rss(),
    }),
    shutDown: () => void shutDown(),
  });
  addStreamRoutes(router);
  addExecRoutes(router);
  addContainerRoutes(router);
  addEventRoutes(router);
  addImageRoutes(router);
  const server = new ApiServer({
    version: WHARF_VERSION,
    router,
    services: (namespace, snapshotter) => namespaces.open(namespace, snapshotter),
    onDefect: logDefect,
  });
  onStopSignal(() => void shutDown());
  // Containers of every namespace may have exited, and be owed a restart, while nobody watched.
  void namespaces.openAll().catch(logDefect);
  void networks.sweep(() => containerIdsOf(containerd)).catch(logDefect);
  await server.listen(apiSocketPath(settings), dockerGroup());
  faultPoint("supervisor.listening");
  await stdio.warm();
}

/** The containers of all namespaces. */
async function containerIdsOf(containerd: Containerd): Promise<string[]> {
  const namespaces = await containerd.namespaces.list();
  const lists = await Promise.all(namespaces.map(({ name }) => containerd.withNamespace(name).containers.list()));
  return lists.flat().map(({ id }) => id);
}

supervise(JSON.parse(process.argv[2] ?? "{}") as Settings).catch((error: unknown) => {
  logDefect(error);
  process.exit(1);
});
