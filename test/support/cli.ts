import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { constants } from "node:os";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./wait-until.ts";

const WHARF = resolve(dirname(fileURLToPath(import.meta.url)), "../../bin/wharf");

export interface CliOptions {
  /** Run in place of this tree's wharf: a peer that it is compared with. */
  readonly program?: string;
  /** Added to the environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to stdin, which is closed behind it. Absent: stdin is empty. */
  readonly stdin?: string | Uint8Array;
  /** Run on a terminal of this size. stdout then holds what the terminal shows, of both streams. */
  readonly tty?: { readonly rows: number; readonly columns: number } | boolean;
  /** The command is killed, and the test fails, when it takes longer. */
  readonly timeoutMs?: number;
}

export interface CliResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs: to write to, to wait for, to kill. */
export interface RunningCli {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** All of stdout, byte by byte. */
  readonly stdoutBytes: Buffer;
  write(text: string | Uint8Array): void;
  /** Ends stdin; on a terminal this is the key control-D. */
  endStdin(): void;
  /** Changes the terminal's size, which its processes are told. */
  resize(rows: number, columns: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Waits until stdout holds the text or matches. */
  waitForStdout(expected: string | RegExp, timeoutMs?: number): Promise<void>;
  waitForStderr(expected: string | RegExp, timeoutMs?: number): Promise<void>;
  readonly result: Promise<CliResult>;
}

/** Runs `wharf` as a user does, to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const running = startCli(args, options);
  if (!options.tty) running.endStdin();
  return await running.result;
}

/** Starts `wharf` and leaves it running; its stdin stays open unless `stdin` was given. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const env = { ...process.env, ...options.env };
  const program = options.program ?? WHARF;
  const command = options.tty ? onTerminal([program, ...args], options.tty) : [program, ...args];
  const child = spawn(command[0] as string, command.slice(1), { env, cwd: options.cwd, stdio: "pipe" });
  return new RunningProcess(child, `${basename(program)} ${args.join(" ")}`, options);
}

class RunningProcess implements RunningCli {
  readonly result: Promise<CliResult>;
  private readonly out: Buffer[] = [];
  private readonly err: Buffer[] = [];

  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly commandLine: string,
    private readonly options: CliOptions,
  ) {
    child.stdout.on("data", (chunk: Buffer) => this.out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.err.push(chunk));
    // A command that does not read its stdin may close it while it is written to.
    child.stdin.on("error", () => undefined);
    if (options.stdin !== undefined) {
      child.stdin.write(options.stdin);
      this.endStdin();
    }
    this.result = this.waitForEnd();
    // Whoever awaits the result sees its failure; a test that fails before must not end in a second one.
    this.result.catch(() => undefined);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get stdoutBytes(): Buffer {
    return Buffer.concat(this.out);
  }

  get stdout(): string {
    const text = this.stdoutBytes.toString();
    return this.options.tty ? text.slice(text.indexOf(TERMINAL_MARK_END) + 1) : text;
  }

  get stderr(): string {
    return Buffer.concat(this.err).toString();
  }

  write(text: string | Uint8Array): void {
    this.child.stdin.write(text);
  }

  endStdin(): void {
    this.child.stdin.end();
  }

  async resize(rows: number, columns: number): Promise<void> {
    const terminal = await waitUntil(
      "the terminal is there",
      () => TERMINAL_MARK.exec(this.stdoutBytes.toString())?.[1],
    );
    const stty = spawn("stty", ["-F", terminal, "rows", String(rows), "cols", String(columns)]);
    await new Promise((settle) => stty.once("close", settle));
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async waitForStdout(expected: string | RegExp, timeoutMs?: number): Promise<void> {
    await this.waitFor("stdout", expected, timeoutMs);
  }

  async waitForStderr(expected: string | RegExp, timeoutMs?: number): Promise<void> {
    await this.waitFor("stderr", expected, timeoutMs);
  }

  private async waitFor(stream: "stdout" | "stderr", expected: string | RegExp, timeoutMs?: number): Promise<void> {
    const holds = (): boolean =>
      typeof expected === "string" ? this[stream].includes(expected) : expected.test(this[stream]);
    await waitUntil(
      `${this.commandLine} has written ${expected}`,
      () => {
        if (holds()) return true;
        if (this.child.exitCode === null && this.child.signalCode === null) return false;
        // What was written last may arrive after the exit.
        if (this.child[stream].readableEnded && !holds()) return "ended" as const;
        return false;
      },
      timeoutMs,
    );
    if (!holds()) {
      throw new Error(
        `${this.commandLine} ended without writing ${expected}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`,
      );
    }
  }

  private async waitForEnd(): Promise<CliResult> {
    const { timeoutMs = 120_000 } = this.options;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.child.kill("SIGKILL");
    }, timeoutMs);
    const exitCode = await new Promise<number>((settle, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => settle(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    }).finally(() => clearTimeout(timer));
    const result = { exitCode, stdout: this.stdout, stderr: this.stderr };
    if (late) throw new Error(`${this.commandLine} ran for ${timeoutMs} ms\n${result.stdout}\n${result.stderr}`);
    return result;
  }
}

/** The first line that a terminal shows: which one it is. It is cut off again. */
const TERMINAL_MARK = /^@(\/dev\/pts\/\d+)\r\n/;
const TERMINAL_MARK_END = "\n";

/** The command line that runs another one on a terminal, and ends with its exit code. */
function onTerminal(command: readonly string[], tty: NonNullable<CliOptions["tty"]>): string[] {
  const { rows, columns } = tty === true || tty === false ? { rows: 24, columns: 80 } : tty;
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const line = `stty rows ${rows} cols ${columns}; echo "@$(tty)"; exec ${quoted}`;
  return ["script", "--quiet", "--flush", "--return", "--command", line, "/dev/null"];
}
