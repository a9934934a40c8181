import { resolveContainer } from "../../engine/containers/resolve.ts";
import { EngineError } from "../../errors.ts";
import { execConfigShape, execStartShape } from "../../model/api-bodies.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";
import { attachConnection } from "./attachment.ts";
import { detachKeysOf } from "./input-channel.ts";
import { OutputChannel, outputContentType } from "./output-channel.ts";
import { terminalSize } from "./streams.ts";

/** The routes by which further processes are run in a container. */
export function addExecRoutes(router: Router): void {
  router
    .route("POST", "/containers/{id}/exec", createExec)
    .route("POST", "/exec/{id}/start", startExec)
    .route("POST", "/exec/{id}/resize", resizeExec)
    .route("GET", "/exec/{id}/json", (context) => context.json(200, context.execs.inspect(context.param("id"))));
}

async function createExec(context: RequestContext): Promise<void> {
  const config = await context.body(execConfigShape);
  const container = await resolveContainer(context.engine, context.param("id"), context);
  const id = await context.execs.create(container, config ?? {}, {
    calledAs: context.param("id"),
    signal: context.signal,
  });
  context.json(201, { Id: id });
}

async function startExec(context: RequestContext): Promise<void> {
  const id = context.param("id");
  const request = (await context.body(execStartShape)) ?? {};
  const config = context.execs.startable(id);
  if (request.Detach) {
    await context.execs.start(id, request);
    context.empty(200);
    return;
  }
  const raw = config.Tty ?? false;
  const detachKeys = detachKeysOf(config.DetachKeys);
  const { socket } = await context.hijack(outputContentType({ raw, apiMinor: context.apiMinor }));
  try {
    await context.execs.start(id, request, (io) => {
      const options = {
        terminal: raw,
        stdin: config.AttachStdin ?? false,
        stdout: config.AttachStdout ?? false,
        stderr: config.AttachStderr ?? false,
        // A terminal that is hung up is no end of input.
        endsStdin: !raw,
        essential: true,
        detachKeys,
      };
      return attachConnection(socket, options, (viewer) => io.attach(viewer));
    });
  } catch (error) {
    // The answer has begun, so the failure is told as docker does: in the output. The exit code is for inspect to tell.
    if (!(error instanceof EngineError)) throw error;
    const channel = new OutputChannel(socket, { raw });
    await channel.send("stderr", Buffer.from(`${error.message}\r\n`));
    channel.end();
  }
}

async function resizeExec(context: RequestContext): Promise<void> {
  await context.execs.resize(context.param("id"), terminalSize(context));
  context.empty(200);
}
