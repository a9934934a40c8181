import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { Networks } from "../cni/networks.ts";
import { connectContainerd } from "../containerd/client.ts";
import { faultPoint } from "../fault-point.ts";
import type { DoctorEntry } from "../model/doctor-report.ts";
import type { Settings } from "../model/settings.ts";
import { Stdio } from "../stdio/stdio.ts";
import { readHostFacts } from "../store/host-facts.ts";
import { withHostLock } from "../store/host-lock.ts";
import { apiSocketPath } from "../store/layout.ts";
import { dockerGroup, makePrivateDirectory } from "../store/private-directory.ts";
import { currentProcessMark } from "../store/process-mark.ts";
import { Store } from "../store/store.ts";
import { HouseDoctor } from "./house-doctor.ts";
import { Namespaces } from "./namespaces.ts";
import { onStopSignal, SupervisorLock } from "./process.ts";
import { Router } from "./router.ts";
import { addContainerRoutes } from "./routes/containers.ts";
import { addDoctorRoutes } from "./routes/doctor.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addExecRoutes } from "./routes/execs.ts";
import { addImageRoutes } from "./routes/images.ts";
import { addStreamRoutes } from "./routes/streams.ts";
import { addSystemRoutes } from "./routes/system.ts";
import { ApiServer } from "./server.ts";

/** How long a supervisor that is to end still works on what it found when it started. */
const RECOVERY_PATIENCE_MS = 1_000;

/** Set by the build from package.json. */
declare const WHARF_VERSION: string;

/** What a daemon is given by its service manager: what it makes is writable for its owner alone. */
const FILE_CREATION_MASK = 0o022;

/** The command that started the supervisor comes before the sweep. */
const SWEEP_DELAY_MS = 1_000;
/** How long the sweep at the start may take, with everything that it finds. */
const SWEEP_DEADLINE_MS = 120_000;

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
  // Its log is a file: on a full disk it loses entries, and the process goes on.
  process.stderr.on("error", () => undefined);
  const startedAt = new Date().toISOString();
  const containerd = connectContainerd({ ...settings, leaseOwner: currentProcessMark });
  const stdio = new Stdio(settings.runRoot, { onDefect: logDefect });
  const networks = new Networks({ ...settings, withHostLock });
  const store = new Store(settings);
  const namespaces = new Namespaces({
    settings,
    containerd,
    networks,
    store,
    host: await readHostFacts(),
    stdio,
    onDefect: logDefect,
  });
  const doctor = new HouseDoctor({ engine: { containerd, networks, store, settings }, stdio, namespaces });
  const shutDown = async () => {
    stdio.retire();
    await server.close();
    // What earlier supervisors left behind for this one is put in order first, unless containerd does not answer.
    await Promise.race([recovered, delay(RECOVERY_PATIENCE_MS)]);
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
  addDoctorRoutes(router, doctor);
  const server = new ApiServer({
    version: WHARF_VERSION,
    router,
    services: (namespace, snapshotter) => namespaces.open(namespace, snapshotter),
    onDefect: logDefect,
  });
  onStopSignal(() => void shutDown());
  // Containers of every namespace may have exited, and be owed a restart, while nobody watched. Others may be gone.
  const recovered = namespaces
    .openAll()
    .then(() => stdio.adoptedAll())
    .catch(logDefect);
  setTimeout(() => void doctor.sweep(AbortSignal.timeout(SWEEP_DEADLINE_MS)).then(logSwept, logDefect), SWEEP_DELAY_MS);
  await server.listen(apiSocketPath(settings), dockerGroup());
  faultPoint("supervisor.listening");
  await stdio.warm();
}

/** What was found and taken away is worth a line in the log: somebody may miss it. */
function logSwept(entries: readonly DoctorEntry[]): void {
  for (const { Kind, Object: object, Why, Failure } of entries) {
    console.error(new Date().toISOString(), `swept ${Kind} ${object}: ${Why}${Failure ? `; failed: ${Failure}` : ""}`);
  }
}

supervise(JSON.parse(process.argv[2] ?? "{}") as Settings).catch((error: unknown) => {
  logDefect(error);
  process.exit(1);
});
