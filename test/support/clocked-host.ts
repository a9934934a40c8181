import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { readFile, readlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SupervisedHost } from "./supervised-host.ts";
import { waitUntil } from "./wait-until.ts";

/** Put in front of the C library, it shows a program another time of day; how long things take stays as it is. */
const LIBRARY = "faketime/libfaketimeMT.so.1";
const LIBRARIES = "/usr/lib";
const SUPERVISOR = resolve(fileURLToPath(import.meta.url), "../../../dist/supervisor.cjs");

/** A host whose time of day a test sets, for the supervisor and for commands, while they run. containerd keeps its own. */
export class ClockedHost extends SupervisedHost {
  /** Sets the clock: by how much it differs from the machine's, such as `+1d` or `-1h`. */
  setClock(difference: string): void {
    writeFileSync(this.#file, difference);
  }

  /** What a command is run with so that it has the clock of this host. */
  get clock(): Record<string, string> {
    if (!existsSync(this.#file)) this.setClock("+0");
    const candidates = readdirSync(LIBRARIES).map((architecture) => join(LIBRARIES, architecture, LIBRARY));
    const library = candidates.find((path) => existsSync(path));
    if (library === undefined) throw new Error("faketime is missing; run scripts/setup.sh");
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Looks at the file each time, and leaves the clock alone that timers go by.
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Starts a supervisor that has the clock of this host, in the place of one that is killed. */
  async startClockedSupervisor(): Promise<void> {
    if (this.supervisorPid === undefined) await this.node.succeed("supervisor", "start");
    // The command line is no more than a title.
    const program = await readlink(`/proc/${this.supervisorPid}/exe`);
    const environ = await readFile(`/proc/${this.supervisorPid}/environ`, "utf8");
    const environment = environ.split("\0").map((entry) => [entry.replace(/=.*$/s, ""), entry.replace(/^[^=]*=/, "")]);
    await this.killSupervisor();
    const log = openSync(join(this.directory, "clocked-supervisor.log"), "a");
    spawn(program, [SUPERVISOR, JSON.stringify(this.settings)], {
      env: { ...Object.fromEntries(environment), ...this.clock },
      stdio: ["ignore", log, log],
      detached: true,
      cwd: "/",
    }).unref();
    closeSync(log);
    await waitUntil("the supervisor answers", async () => {
      const { exitCode } = await this.node.cli("supervisor", "status");
      return exitCode === 0 && this.supervisorPid !== undefined;
    });
  }

  get #file(): string {
    return join(this.directory, "clock");
  }
}
