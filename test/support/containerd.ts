import { existsSync, realpathSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Containerd, connectContainerd } from "../../src/containerd/client.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { killProcessesBelow, unmountBelow } from "./leftovers.ts";

const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** A containerd of the tests' own: root, state, socket and configuration lie in one temporary directory. */
export interface TestContainerd extends AsyncDisposable {
  readonly address: string;
  readonly version: string;
  readonly directory: string;
  /** A client with the namespace `default`. Closed with the daemon. */
  readonly client: Containerd;
  /** Of the daemon that runs now. */
  readonly pid: number;
  /** Ends the daemon and starts it again on the same state; tasks run on. */
  restart(how: "stop" | "kill"): Promise<void>;
  /** Ends the daemon as a crash would; `restart` starts it again. */
  kill(): Promise<void>;
}

/**
 * Starts a containerd and waits until it answers. `WHARF_TEST_CONTAINERD` says which: a directory of containerd's
 * programs, a peer's version such as `1.7` or `2.1`, or, when empty, the one in PATH.
 */
export async function startContainerd(
  options: {
    /** Prepares the directory that becomes containerd's root, such as by a mount. */
    readonly root?: ((path: string) => Promise<void>) | undefined;
    /** Programs of the host that this containerd does not find. */
    readonly without?: readonly string[] | undefined;
  } = {},
): Promise<TestContainerd> {
  if (process.getuid?.() !== 0) throw new Error("these tests start containerd, which needs root");
  // Short, because a socket's path may have 107 bytes.
  const directory = await mkdtemp(join(tmpdir(), "wharf-c-"));
  const address = join(directory, "containerd.sock");
  const client = connectContainerd({ address, namespace: "default", snapshotter: "overlayfs" });
  const launch = async (): Promise<Daemon> => await launchContainerd(directory, client, options.without ?? []);
  await writeConfig(directory, address);
  await options.root?.(join(directory, "root"));
  let daemon: Daemon;
  try {
    daemon = await launch();
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  const { version } = await client.version();
  return {
    address,
    version,
    directory,
    client,
    get pid() {
      return daemon.pid;
    },
    kill: () => daemon.kill(),
    async restart(how) {
      await daemon[how]();
      daemon = await launch();
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await daemon.stop();
      await killProcessesBelow(directory);
      await unmountBelow(directory);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function launchContainerd(directory: string, client: Containerd, without: readonly string[]): Promise<Daemon> {
  const programs = containerdPrograms();
  // The shims of the same version come first.
  const path = `${programs}:${process.env.PATH}:/usr/sbin:/sbin`;
  const hidden = hidePrograms(without, path.split(":"), join(directory, "hidden"));
  const commandLine = [...hidden, join(programs, "containerd"), "--config", join(directory, "config.toml")];
  return await startDaemon(commandLine[0] as string, commandLine.slice(1), {
    logPath: join(directory, "containerd.log"),
    env: { PATH: path },
    isReady: async () => (await client.version({ timeoutMs: 1_000 })).version !== "",
  });
}

/** The words in front of a command that run it where the programs are not found; none when there are no programs. */
function hidePrograms(programs: readonly string[], path: readonly string[], layers: string): string[] {
  if (programs.length === 0) return [];
  const directories = new Set(
    path.filter((directory) => existsSync(directory)).map((directory) => realpathSync(directory)),
  );
  const script = [...directories].flatMap((directory, index) => {
    const present = programs.filter((program) => existsSync(join(directory, program)));
    if (present.length === 0) return [];
    const [upper, work] = [`${layers}/${index}/upper`, `${layers}/${index}/work`];
    // An overlay shows a file of these numbers as one that is not there.
    const whiteouts = present.map((program) => `rm -f ${upper}/${program}; mknod ${upper}/${program} c 0 0`);
    const overlay = `lowerdir=${directory},upperdir=${upper},workdir=${work}`;
    return [`mkdir -p ${upper} ${work}`, ...whiteouts, `mount -t overlay -o ${overlay} overlay ${directory}`];
  });
  const words = ["unshare", "--mount", "--propagation", "unchanged", "bash", "-ec"];
  return [...words, `${script.join("\n")}\nexec "$@"`, "containerd"];
}

async function writeConfig(directory: string, address: string): Promise<void> {
  await mkdir(join(directory, "opt"));
  // CRI and NRI claim fixed places of the machine; the restart monitor would take wharf's containers for its own.
  const disabled = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.nri.v1.nri",
    "io.containerd.internal.v1.restart",
    "io.containerd.internal.v1.tracing",
  ];
  const config = `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ${JSON.stringify(disabled)}

[grpc]
  address = "${address}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
`;
  await writeFile(join(directory, "config.toml"), config);
}

/** The directory that the chosen containerd and its shims lie in. */
export function containerdPrograms(): string {
  const choice = process.env.WHARF_TEST_CONTAINERD ?? "";
  const major = choice.split(".")[0];
  const candidates = choice.includes("/")
    ? [choice]
    : choice && choice !== "1.6"
      ? [choice, major].map((version) => join(PROJECT_ROOT, ".peers", `containerd-${version}`, "bin"))
      : (process.env.PATH ?? "").split(":");
  const found = candidates.find((candidate) => existsSync(join(candidate, "containerd")));
  if (!found) throw new Error(`no containerd in ${candidates.join(", ")}`);
  return found;
}

/** What the daemon has written so far, for a failure's message. */
export async function readContainerdLog(containerd: TestContainerd): Promise<string> {
  return await readFile(join(containerd.directory, "containerd.log"), "utf8");
}
