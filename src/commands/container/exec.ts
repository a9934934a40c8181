import { readFile } from "node:fs/promises";
import type { EngineApi } from "../../api/client.ts";
import { Command } from "../../cli/command.ts";
import { reportDetached } from "../../cli/follow-container.ts";
import { Foreground } from "../../cli/foreground.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { consoleSize } from "../../cli/terminal-size.ts";
import { EngineError } from "../../errors.ts";
import type { ExecConfig, ExecInspect } from "../../model/exec-config.ts";
import { parseEnvironmentVariable, parseKeyValueFile } from "../../model/key-values.ts";

export default class ContainerExec extends Command {
  static override summary = "Execute a command in a running container";
  static override aliases = ["exec"];
  static override usage = "[OPTIONS] CONTAINER COMMAND [ARG...]";
  static override examples = ["exec -it web sh", "exec -u postgres -w /var/lib db ls -l"];
  static override stopAtPositional = true;
  static override args = {
    container: Args.string({ required: true }),
    command: Args.string({ required: true, multiple: true }),
  };
  static override flags = {
    detach: Flags.boolean({ char: "d", summary: "Detached mode: run command in the background" }),
    "detach-keys": Flags.string({
      helpValue: "string",
      summary: "Override the key sequence for detaching a container",
    }),
    env: Flags.string({ char: "e", multiple: true, helpValue: "list", summary: "Set environment variables" }),
    "env-file": Flags.string({ multiple: true, helpValue: "list", summary: "Read in a file of environment variables" }),
    interactive: Flags.boolean({ char: "i", summary: "Keep STDIN open even if not attached" }),
    privileged: Flags.boolean({ summary: "Give extended privileges to the command" }),
    tty: Flags.boolean({ char: "t", summary: "Allocate a pseudo-TTY" }),
    user: Flags.string({
      char: "u",
      helpValue: "string",
      summary: 'Username or UID (format: "<name|uid>[:<group|gid>]")',
    }),
    workdir: Flags.string({ char: "w", helpValue: "string", summary: "Working directory inside the container" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerExec);
    const attached = !flags.detach;
    const stdin = attached && flags.interactive;
    if (stdin && flags.tty && !process.stdin.isTTY)
      throw new EngineError("invalid-argument", "the input device is not a TTY");
    const config: ExecConfig = {
      AttachStdin: stdin,
      AttachStdout: attached,
      AttachStderr: attached,
      Tty: flags.tty,
      ConsoleSize: (flags.tty && consoleSize(process.stdout)) || null,
      Env: await environmentOf(flags),
      Cmd: args.command,
      Privileged: flags.privileged,
      User: flags.user ?? "",
      WorkingDir: flags.workdir ?? "",
      DetachKeys: flags["detach-keys"] ?? "",
    };
    const api = await this.openSupervisor();
    const path = `/containers/${encodeURIComponent(args.container)}/exec`;
    const { Id: id } = await api.request<{ Id: string }>("POST", path, { body: config, signal: this.signal });
    if (flags.detach) await api.request("POST", `/exec/${id}/start`, { body: { Detach: true, Tty: flags.tty } });
    else {
      // docker's exec hands no signals on: they end this process, and the other one runs on.
      this.releaseInterrupts();
      await this.follow(api, id, config);
    }
  }

  /** Ties this process to the exec process until its end; its exit code is ours. */
  private async follow(api: EngineApi, id: string, config: ExecConfig): Promise<void> {
    const { Tty: terminal = false, ConsoleSize, DetachKeys: detachKeys } = config;
    const connection = await api.hijack("POST", `/exec/${id}/start`, { body: { Tty: terminal, ConsoleSize } });
    const streams = {
      stdin: config.AttachStdin ? process.stdin : undefined,
      stdout: process.stdout,
      stderr: process.stderr,
    };
    using foreground = new Foreground(api, {
      terminal,
      detachKeys,
      streams,
      resizePath: `/exec/${id}/resize`,
    });
    const ended = foreground.follow(connection);
    foreground.started();
    const end = await ended;
    foreground.release();
    if (end === "detached") this.exitCode = reportDetached();
    if (end !== "ended") return;
    const { ExitCode } = await api.request<ExecInspect>("GET", `/exec/${id}/json`);
    this.exitCode = ExitCode ?? 0;
  }
}

async function environmentOf(flags: {
  readonly env: readonly string[] | undefined;
  readonly "env-file": readonly string[] | undefined;
}): Promise<string[]> {
  const lookUp = (name: string) => process.env[name];
  const files = await Promise.all(
    (flags["env-file"] ?? []).map(async (path) => ({ path, content: await readEnvFile(path) })),
  );
  const fromFiles = files.flatMap((file) => parseKeyValueFile({ ...file, kind: "env file", lookUp }));
  return [...fromFiles, ...(flags.env ?? []).map((text) => parseEnvironmentVariable(text, lookUp))];
}

async function readEnvFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new EngineError("invalid-argument", `open ${path}: no such file or directory`, { cause });
  }
}
