import { once } from "node:events";
import { FrameReader } from "../../api/frames.ts";
import { Command } from "../../cli/command.ts";
import { endAfterFailedWrite, isClosedPipe } from "../../cli/output.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { resolveContainer } from "../../engine/containers/resolve.ts";
import { EngineError } from "../../errors.ts";
import { parseMoment } from "../../model/moment.ts";
import type { LogView } from "../../stdio/json-log-decoder.ts";
import { readJsonLog } from "../../stdio/json-log-reader.ts";

interface LogRequest extends LogView {
  readonly container: string;
  readonly tail: number | undefined;
}

export default class ContainerLogs extends Command {
  static override summary = "Fetch the logs of a container";
  static override aliases = ["logs"];
  static override examples = ["logs -f --tail 20 web", "logs --since 10m web"];
  static override args = { container: Args.string({ required: true }) };
  static override flags = {
    details: Flags.boolean({ summary: "Show extra details provided to logs" }),
    follow: Flags.boolean({ char: "f", summary: "Follow log output" }),
    since: Flags.string({
      helpValue: "string",
      summary: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    }),
    tail: Flags.string({
      char: "n",
      helpValue: "string",
      default: "all",
      summary: "Number of lines to show from the end of the logs",
    }),
    timestamps: Flags.boolean({ char: "t", summary: "Show timestamps" }),
    until: Flags.string({
      helpValue: "string",
      summary: 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerLogs);
    const request: LogRequest = {
      container: args.container,
      stdout: true,
      stderr: true,
      details: flags.details,
      timestamps: flags.timestamps,
      since: momentOf("since", flags.since),
      until: momentOf("until", flags.until),
      // docker takes everything that is no number for `all`.
      tail: /^\d+$/.test(flags.tail) ? Number(flags.tail) : undefined,
    };
    await (flags.follow ? this.follow(request) : this.read(request));
  }

  /** Reads the log where it lies; neither the supervisor nor the container is asked. */
  private async read(request: LogRequest): Promise<void> {
    await using engine = await this.openEngine();
    const { record } = await resolveContainer(engine, request.container, { signal: this.signal });
    if (record.logPath === "") {
      throw new EngineError("unimplemented", "configured logging driver does not support reading");
    }
    const output = new LogOutput();
    for await (const { stream, data } of readJsonLog(record.logPath, { ...request, signal: this.signal })) {
      if (!(await output.show(stream, data))) return;
    }
  }

  /** Lets the supervisor, which writes the log, tell what comes next. */
  private async follow({ container, ...view }: LogRequest): Promise<void> {
    const api = await this.openSupervisor();
    const path = `/containers/${encodeURIComponent(container)}/logs`;
    const response = await api.stream("GET", path, { query: { ...view, follow: true }, signal: this.signal });
    const output = new LogOutput();
    const raw = response.headers["content-type"] !== "application/vnd.docker.multiplexed-stream";
    for await (const chunk of response) {
      if (!(await (raw ? output.show("stdout", chunk) : output.showFrames(chunk)))) return;
    }
  }
}

/** Our two outputs. */
class LogOutput {
  readonly #frames = new FrameReader((stream, chunk) => this.#write(stream === "stderr" ? "stderr" : "stdout", chunk));
  #closed = false;

  constructor() {
    // `logs | head`: whoever read our output has had enough.
    for (const target of [process.stdout, process.stderr]) {
      target.on("error", (error) => {
        if (!isClosedPipe(error)) endAfterFailedWrite(error);
        this.#closed = true;
      });
    }
  }

  /** Writes, waits while the reader is slow, and returns false when there is no reader any more. */
  async show(stream: "stdout" | "stderr", chunk: Buffer): Promise<boolean> {
    this.#write(stream, chunk);
    return await this.#caughtUp();
  }

  async showFrames(chunk: Buffer): Promise<boolean> {
    this.#frames.push(chunk);
    return await this.#caughtUp();
  }

  #write(stream: "stdout" | "stderr", chunk: Buffer): void {
    if (!this.#closed) process[stream].write(chunk);
  }

  async #caughtUp(): Promise<boolean> {
    for (const target of [process.stdout, process.stderr]) {
      if (!this.#closed && target.writableNeedDrain) await once(target, "drain").catch(() => undefined);
    }
    return !this.#closed;
  }
}

function momentOf(flag: "since" | "until", text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return parseMoment(text, new Date());
  } catch (error) {
    throw new EngineError("invalid-argument", `invalid value for ${JSON.stringify(flag)}: ${(error as Error).message}`);
  }
}
