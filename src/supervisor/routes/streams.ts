import { resolveContainer } from "../../engine/containers/resolve.ts";
import { notOurs, type StoredContainer } from "../../engine/containers/stored-container.ts";
import { EngineError } from "../../errors.ts";
import { parseMoment } from "../../model/moment.ts";
import { CLIENT_KEY } from "../../stdio/absent-viewers.ts";
import type { LogRun } from "../../stdio/json-log-decoder.ts";
import { type ReadLogOptions, readJsonLog } from "../../stdio/json-log-reader.ts";
import type { LogPositions } from "../../stdio/log-journal.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";
import { type AttachmentOptions, attachConnection } from "./attachment.ts";
import { detachKeysOf } from "./input-channel.ts";
import { OutputChannel, outputContentType } from "./output-channel.ts";

/** As many rows or columns as the kernel can count. */
const LONGEST_SIDE = 0xffff;

/** The routes through which a container's input and output flow. */
export function addStreamRoutes(router: Router): void {
  router
    .route("POST", "/containers/{id}/attach", attachToContainer)
    .route("GET", "/containers/{id}/logs", showLogs)
    .route("POST", "/containers/{id}/resize", resizeTerminal);
}

async function attachToContainer(context: RequestContext): Promise<void> {
  const run = await context.runs.find(context.param("id"), context);
  const { container, pid, status } = run;
  const config = container.record.config;
  const terminal = config.Tty;
  if (status === "paused") {
    throw new EngineError(
      "conflict",
      `container ${context.param("id")} is paused, unpause the container before attach`,
    );
  }
  if (status === "restarting") {
    throw new EngineError(
      "conflict",
      `container ${context.param("id")} is restarting, wait until the container is running`,
    );
  }
  if (!container.isOwn) throw notOurs(container);
  const detachKeys = detachKeysOf(context.query.get("detachKeys"));
  const contentType = outputContentType({ raw: terminal, apiMinor: context.apiMinor });
  const client = clientOf(context);
  // What is left of a run that is over, or of a start that was cut short, is for those who come back to it.
  const io = pid !== 0 || client?.has ? run.io : undefined;
  // The position and the attachment are of the same moment: no output comes between.
  const { socket } = await context.hijack(contentType, () => positionHeader(client?.has ?? io?.positions));
  const shown = { stdout: context.flag("stdout"), stderr: context.flag("stderr") };
  if (context.flag("logs")) {
    const channel = new OutputChannel(socket, { raw: terminal });
    const view = { ...shown, timestamps: false, details: false, signal: context.signal };
    await sendAll(channel, readLogOf(container, view));
    if (!context.flag("stream")) channel.end();
  }
  if (!context.flag("stream")) return;
  if (client?.has && io === undefined) {
    // It came back to a run that is over, and has seen all there was.
    socket.end();
    return;
  }
  if (io === undefined && client) run.io?.expectNoMore(client.key);
  const options = {
    ...shown,
    terminal,
    stdin: context.flag("stdin") && (config.OpenStdin ?? false),
    // A terminal that is hung up is no end of input.
    endsStdin: config.StdinOnce && !terminal,
    essential: io === undefined || (client !== undefined && io.wasEssential(client.key)),
    client,
    detachKeys,
  };
  attachConnection(
    socket,
    options,
    (viewer) => io?.attach(viewer) ?? context.services.waiting.add(container.id, viewer),
  );
}

/** Which client of wharf's own attaches, and what it has of the outputs if it comes back. */
function clientOf(context: RequestContext): AttachmentOptions["client"] {
  const key = context.query.get("wharf-client");
  if (key === null) return undefined;
  const [, stdout, stderr] = /^(\d+),(\d+)$/.exec(context.query.get("wharf-has") ?? "") ?? [];
  if (!CLIENT_KEY.test(key)) throw new EngineError("invalid-argument", `malformed client key ${JSON.stringify(key)}`);
  return { key, has: stdout === undefined ? undefined : { stdout: Number(stdout), stderr: Number(stderr) } };
}

/** How much of the outputs comes before what the connection shows. */
function positionHeader({ stdout, stderr }: LogPositions = { stdout: 0, stderr: 0 }): Record<string, string> {
  return { "Wharf-Position": `${stdout},${stderr}` };
}

async function showLogs(context: RequestContext): Promise<void> {
  const shown = { stdout: context.flag("stdout"), stderr: context.flag("stderr") };
  if (!shown.stdout && !shown.stderr) {
    throw new EngineError("invalid-argument", "Bad parameters: you must choose at least one stream");
  }
  const container = await resolveContainer(context.engine, context.param("id"), context);
  const options: ReadLogOptions = {
    ...shown,
    timestamps: context.flag("timestamps"),
    details: context.flag("details"),
    since: momentOf(context, "since"),
    until: momentOf(context, "until"),
    tail: tailOf(context),
    // The log of a container that does not run grows no more.
    follow: context.flag("follow") ? context.runs.io(container.id)?.log : undefined,
    signal: context.signal,
  };
  const runs = readLogOf(container, options);
  const raw = container.record.config.Tty ?? false;
  const response = context.startStream(outputContentType({ raw, apiMinor: context.apiMinor }));
  const channel = new OutputChannel(response, { raw });
  await sendAll(channel, runs);
  channel.end();
}

async function sendAll(channel: OutputChannel, runs: AsyncIterable<LogRun>): Promise<void> {
  for await (const { stream, data } of runs) await channel.send(stream, data);
}

/** @throws EngineError when the container keeps no log. */
function readLogOf(container: StoredContainer, options: ReadLogOptions): AsyncIterable<LogRun> {
  const path = container.record.logPath ?? "";
  if (path === "") throw new EngineError("unimplemented", "configured logging driver does not support reading");
  return readJsonLog(path, options);
}

/** A moment among the query parameters; absent, `""` and `0` are none. */
function momentOf(context: RequestContext, name: "since" | "until"): string | undefined {
  const text = context.query.get(name) ?? "";
  return text === "" || text === "0" ? undefined : parseMoment(text, new Date());
}

function tailOf(context: RequestContext): number | undefined {
  const tail = context.query.get("tail") ?? "all";
  // docker takes everything that is no number for `all`.
  return /^\d+$/.test(tail) ? Number(tail) : undefined;
}

async function resizeTerminal(context: RequestContext): Promise<void> {
  const container = await resolveContainer(context.engine, context.param("id"), context);
  const size = terminalSize(context);
  try {
    await context.engine.containerd.tasks.resizePty(container.id, size, { signal: context.signal });
  } catch (cause) {
    throw new EngineError("conflict", `container ${container.id} is not running`, { cause });
  }
  context.empty(200);
}

/** The size that a resize call asks for. @throws EngineError `invalid-argument`. */
export function terminalSize(context: RequestContext): { readonly width: number; readonly height: number } {
  const size = { width: context.integer("w"), height: context.integer("h") };
  const { width = -1, height = -1 } = size;
  if (![width, height].every((length) => length >= 0 && length <= LONGEST_SIDE)) {
    throw new EngineError("invalid-argument", "a terminal's size is the numbers h and w");
  }
  return { width, height };
}
