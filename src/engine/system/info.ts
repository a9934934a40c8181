import { readFileSync } from "node:fs";
import type { SystemInfo } from "../../model/system-view.ts";
import { listContainers } from "../containers/list.ts";
import type { Engine } from "../engine.ts";
import { readRuncVersion } from "./version.ts";

const NO_FFI =
  "this Node has no node:ffi, which comes with Node 26: a supervisor that is killed may lose output of containers";

/**
 * The state of containerd's namespace and of the host, in the shape of the Engine API's `GET /info`.
 *
 * @throws EngineError `unavailable` when containerd does not run.
 */
export async function describeSystem(
  engine: Pick<Engine, "containerd" | "host" | "settings">,
  { version, hasFfi }: { readonly version: string; readonly hasFfi: boolean },
  { signal }: { readonly signal: AbortSignal },
): Promise<SystemInfo> {
  const { containerd, host, settings } = engine;
  const [server, daemon, runc, containers, images] = await Promise.all([
    containerd.introspection.server({ signal }),
    containerd.version({ signal }),
    readRuncVersion({ signal }),
    listContainers(engine, { all: true }, { signal }),
    containerd.images.list([], { signal }),
  ]);
  const count = (...states: string[]) => containers.filter(({ State }) => states.includes(State)).length;
  const system = readOsRelease();
  return {
    ID: server.uuid,
    Containers: containers.length,
    ContainersRunning: count("running", "restarting"),
    ContainersPaused: count("paused"),
    ContainersStopped: count("created", "exited", "dead", "removing"),
    Images: new Set(images.map(({ target }) => target.digest)).size,
    Driver: settings.snapshotter,
    DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "none"],
      Authorization: null,
      Log: ["json-file", "none"],
    },
    MemoryLimit: true,
    SwapLimit: host.swapLimit,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: readText("/proc/sys/net/ipv4/ip_forward").trim() === "1",
    OomKillDisable: host.cgroupVersion === 1,
    Debug: settings.debug,
    SystemTime: new Date().toISOString(),
    LoggingDriver: "json-file",
    CgroupDriver: host.cgroupDriver,
    CgroupVersion: String(host.cgroupVersion),
    KernelVersion: host.kernelVersion,
    OperatingSystem: system.PRETTY_NAME ?? "Linux",
    OSVersion: system.VERSION_ID ?? "",
    OSType: "linux",
    Architecture: MACHINES[host.architecture] ?? host.architecture,
    IndexServerAddress: "https://index.docker.io/v1/",
    NCPU: host.cpuCount,
    MemTotal: host.memoryBytes,
    DockerRootDir: settings.dataRoot,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: host.hostname,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: version,
    Runtimes: { "io.containerd.runc.v2": { path: "runc" }, runc: { path: "runc" } },
    DefaultRuntime: "runc",
    // Containers outlive the supervisor by design.
    LiveRestoreEnabled: true,
    InitBinary: host.initBinary ?? "",
    ContainerdCommit: { ID: daemon.revision || daemon.version },
    RuncCommit: { ID: runc?.commit ?? "" },
    InitCommit: { ID: "" },
    SecurityOptions: [
      ...(host.apparmor ? ["name=apparmor"] : []),
      ...(host.seccomp ? ["name=seccomp,profile=builtin"] : []),
      ...(host.cgroupVersion === 2 ? ["name=cgroupns"] : []),
    ],
    Containerd: { Address: settings.address, Namespaces: { Containers: settings.namespace, Plugins: "" } },
    Warnings: hasFfi ? null : [`WARNING: ${NO_FFI}`],
  };
}

/** The kernel's names of machines whose Go names differ; `info` shows these. */
const MACHINES: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64", "386": "i686" };

function readOsRelease(): Record<string, string> {
  const assignments = readText("/etc/os-release").matchAll(/^(\w+)="?(.*?)"?$/gm);
  return Object.fromEntries([...assignments].map(([, name, value]) => [name, value]));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
