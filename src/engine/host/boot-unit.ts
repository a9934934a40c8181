import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { EngineError } from "../../errors.ts";
import { toolEnvironment } from "../../program-environment.ts";

/** The service's name, under which `systemctl` knows it. */
export const BOOT_UNIT = "wharf-supervisor.service";
const DEFAULT_UNIT_PATH = `/etc/systemd/system/${BOOT_UNIT}`;
/** There while systemd is the system's manager; see sd_booted(3). */
const DEFAULT_SYSTEMD_MARK = "/run/systemd/system";

export interface BootUnitRequest {
  /** The words that run wharf, the program's path first. */
  readonly wharf: readonly string[];
  /** What wharf has to find in its environment to come to the same settings. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the supervisor writes its process id. */
  readonly pidPath: string;
  /** Start wharf's own containerd before; the host's is waited for. */
  readonly standalone: boolean;
}

/** Where systemd is; given by tests that have none. */
export interface SystemdPlaces {
  readonly unitPath?: string;
  readonly mark?: string;
}

export interface BootUnitOutcome {
  readonly path: string;
  /** systemd runs, and has been told. Otherwise it will find the unit when it does. */
  readonly told: boolean;
}

/**
 * Has the supervisor start at boot, behind containerd, so that restart policies hold after a reboot: writes a systemd
 * unit, and where systemd runs enables and starts it. Doing it again brings the unit up to date.
 *
 * @throws EngineError `internal` with systemctl's words.
 */
export async function installBootUnit(
  request: BootUnitRequest,
  { unitPath: path = DEFAULT_UNIT_PATH, mark = DEFAULT_SYSTEMD_MARK }: SystemdPlaces = {},
): Promise<BootUnitOutcome> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, bootUnit(request), { mode: 0o644 });
  if (!existsSync(mark)) return { path, told: false };
  await systemctl("daemon-reload");
  await systemctl("enable", "--now", BOOT_UNIT);
  return { path, told: true };
}

/**
 * Undoes `installBootUnit`: the supervisor that runs goes on, and so do containers. Undefined when there is no unit.
 *
 * @throws EngineError `internal` with systemctl's words.
 */
export async function removeBootUnit({
  unitPath: path = DEFAULT_UNIT_PATH,
  mark = DEFAULT_SYSTEMD_MARK,
}: SystemdPlaces = {}): Promise<BootUnitOutcome | undefined> {
  if (!existsSync(path)) return undefined;
  const told = existsSync(mark);
  if (told) await systemctl("disable", BOOT_UNIT);
  await rm(path, { force: true });
  if (told) await systemctl("daemon-reload");
  return { path, told };
}

/**
 * The unit's text. Containers and their shims are containerd's and not in the unit's group; the process that keeps what
 * is unread in FIFOs is, and outlives the supervisor, so the main process alone is ended with the unit.
 */
export function bootUnit({ wharf, environment, pidPath, standalone }: BootUnitRequest): string {
  const run = (...words: string[]) => [...wharf, ...words].map(quote).join(" ");
  const lines = [
    "[Unit]",
    "Description=wharf's supervisor: restart policies, health checks and logs of containers",
    ...(standalone ? ["After=local-fs.target"] : ["After=containerd.service", "Wants=containerd.service"]),
    "",
    "[Service]",
    "Type=forking",
    `PIDFile=${pidPath}`,
    ...Object.entries(environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`),
    ...(standalone ? [`ExecStartPre=${run("system", "standalone", "start")}`] : []),
    `ExecStart=${run("supervisor", "start")}`,
    `ExecStop=${run("supervisor", "stop")}`,
    "KillMode=process",
    "Restart=on-failure",
    "RestartSec=1",
    "Delegate=yes",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
  return `${lines.join("\n")}\n`;
}

/** A word of a unit's line: systemd reads quotes, backslashes, `%` and `$`. */
function quote(word: string): string {
  const text = word.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text}"`;
}

async function systemctl(...args: string[]): Promise<void> {
  try {
    await promisify(execFile)("systemctl", args, { env: toolEnvironment() });
  } catch (cause) {
    const { stderr = "" } = cause as { stderr?: string };
    throw new EngineError("internal", `systemctl ${args.join(" ")}: ${stderr.trim() || String(cause)}`, { cause });
  }
}
