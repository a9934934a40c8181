import { writeFileSync } from "node:fs";
import { type EngineApi, wasCut } from "../../api/client.ts";
import { Command } from "../../cli/command.ts";
import { createContainer } from "../../cli/create-container.ts";
import { EXIT_FAILURE, EXIT_RUN_FAILED } from "../../cli/exit-codes.ts";
import { containerFlags, createBody } from "../../cli/flags/create-body.ts";
import { creationFlags } from "../../cli/flags/creation.ts";
import { notDoneWarnings } from "../../cli/flags/not-done.ts";
import { followContainer, type StartQuery } from "../../cli/follow-container.ts";
import { printError } from "../../cli/output.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import type { CreateBody } from "../../model/container-config.ts";
import type { ContainerInspect } from "../../model/container-view.ts";
import { parseDetachKeys } from "../../model/detach-keys.ts";

/** How many supervisors a start may be asked of, one after the other was killed over it. */
const MOST_ATTEMPTS = 5;

export default class ContainerRun extends Command {
  static override summary = "Create and run a new container from an image";
  static override aliases = ["run"];
  static override usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";
  static override examples = [
    "run --rm -it alpine sh",
    "run -d --name web -p 8080:80 nginx",
    "run --rm -v $PWD:/src -w /src node npm test",
  ];
  static override stopAtPositional = true;
  static override args = {
    image: Args.string({ required: true }),
    command: Args.string({ multiple: true }),
  };
  static override flags = {
    ...containerFlags,
    ...creationFlags,
    detach: Flags.boolean({ char: "d", summary: "Run container in background and print container ID" }),
    "detach-keys": Flags.of(checkDetachKeys)({
      helpValue: "string",
      summary: "Override the key sequence for detaching a container",
    }),
    "sig-proxy": Flags.boolean({
      summary: "Proxy received signals to the process (default true)",
      default: true,
      allowNo: true,
    }),
  };

  override failureExitCode = EXIT_RUN_FAILED;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerRun);
    const wanted = createBody(flags, { image: args.image, command: args.command ?? [] });
    const body = flags.detach ? detached(wanted) : withConsoleSize(wanted);
    const complaint = complaintOf(wanted, { detach: flags.detach, attach: flags.attach !== undefined });
    if (complaint !== undefined) {
      // docker gives these two the exit code of any command, not that of a failed run.
      printError(`wharf: ${complaint}\n`);
      this.exitCode = EXIT_FAILURE;
      return;
    }
    for (const warning of notDoneWarnings(flags)) this.warn(warning);
    const api = await this.openSupervisor();
    const { name, platform, quiet, cidfile: cidFile, pull = "missing" } = flags;
    const request = { body, name, platform, quiet, cidFile, pull };
    const id = await createContainer(api, request, { settings: this.settings, signal: this.signal });
    faultPoint("run.created");
    const start = (query?: StartQuery) => startContainer(api, id, { pidFile: flags.pidfile, query });
    if (!body.AttachStdin && !body.AttachStdout && !body.AttachStderr) {
      await onceStarted(api, id, start);
      this.log(id);
      return;
    }
    this.releaseInterrupts();
    this.exitCode = await followContainer(api, {
      containerId: id,
      reopen: () => this.openSupervisor(),
      terminal: body.Tty,
      streams: {
        stdin: body.AttachStdin ? process.stdin : undefined,
        stdout: body.AttachStdout ? process.stdout : undefined,
        stderr: body.AttachStderr ? process.stderr : undefined,
      },
      detachKeys: flags["detach-keys"],
      signalProxy: flags["sig-proxy"] && !body.Tty,
      until: body.HostConfig.AutoRemove ? "removed" : "next-exit",
      start,
    });
  }
}

function checkDetachKeys(text: string): string {
  parseDetachKeys(text);
  return text;
}

/** Nobody is attached, so a later client that leaves does not end the container's input. */
function detached(body: CreateBody): CreateBody {
  return { ...body, AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false };
}

/** The container's terminal is as large as ours from its first moment. */
function withConsoleSize(body: CreateBody): CreateBody {
  const { isTTY, rows, columns } = process.stdout;
  if (!body.Tty || !isTTY) return body;
  return { ...body, HostConfig: { ...body.HostConfig, ConsoleSize: [rows, columns] } };
}

function complaintOf(
  { AttachStdin, Tty }: CreateBody,
  { detach, attach }: { readonly detach: boolean; readonly attach: boolean },
): string | undefined {
  if (detach) return attach ? "conflicting options: cannot specify both --attach and --detach" : undefined;
  return AttachStdin && Tty && !process.stdin.isTTY ? "the input device is not a TTY" : undefined;
}

/**
 * Starts a new container that nobody looks on. A supervisor that is killed over it leaves it started or not: the next one
 * knows, and is asked to do what there is left to do.
 */
async function onceStarted(api: EngineApi, id: string, start: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await start();
    } catch (error) {
      if (!wasCut(error) || attempts >= MOST_ATTEMPTS) throw error;
      if (await hasStarted(api, id)) return;
    }
  }
}

/** Whether the container has had a process. One that is gone had, and was removed when that ended. */
async function hasStarted(api: EngineApi, id: string): Promise<boolean> {
  try {
    const { State: state } = await api.request<ContainerInspect>("GET", `/containers/${id}/json`);
    return state.Status !== "created";
  } catch (error) {
    if (isEngineError(error, "not-found")) return true;
    throw error;
  }
}

async function startContainer(
  api: EngineApi,
  id: string,
  { pidFile, query }: { readonly pidFile: string | undefined; readonly query: StartQuery | undefined },
): Promise<void> {
  await api.request("POST", `/containers/${id}/start`, { query: { ...query } });
  faultPoint("run.started");
  if (pidFile === undefined) return;
  const { State: state } = await api.request<ContainerInspect>("GET", `/containers/${id}/json`);
  writeFileSync(pidFile, String(state.Pid));
}
