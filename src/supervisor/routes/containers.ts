import { inspectContainer } from "../../engine/containers/inspect.ts";
import { listContainers } from "../../engine/containers/list.ts";
import { listContainerProcesses } from "../../engine/containers/top.ts";
import { EngineError, isEngineError } from "../../errors.ts";
import { faultPoint } from "../../fault-point.ts";
import { createBodyShape } from "../../model/api-bodies.ts";
import type { ContainerWait } from "../../model/container-view.ts";
import { fillCreateBody } from "../../model/create-body.ts";
import { Filters } from "../../model/filters.ts";
import { hostPlatform, parsePlatform } from "../../model/platform.ts";
import { parseSignal } from "../../model/signal.ts";
import type { ContainerRun } from "../container-run.ts";
import type { ContainerExit, WaitCondition } from "../exit-waiters.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";

const WAIT_CONDITIONS: readonly string[] = ["not-running", "next-exit", "removed"] satisfies WaitCondition[];

/** The routes that make, change and show containers. */
export function addContainerRoutes(router: Router): void {
  router
    .route("GET", "/containers/json", showContainers)
    .route("POST", "/containers/create", createContainer)
    .route("GET", "/containers/{id}/json", showContainer)
    .route("GET", "/containers/{id}/top", showProcesses)
    .route("POST", "/containers/{id}/start", startContainer)
    .route("POST", "/containers/{id}/stop", stopContainer)
    .route("POST", "/containers/{id}/restart", restartContainer)
    .route("POST", "/containers/{id}/kill", killContainer)
    .route("POST", "/containers/{id}/pause", pauseContainer)
    .route("POST", "/containers/{id}/unpause", unpauseContainer)
    .route("POST", "/containers/{id}/rename", renameContainer)
    .route("POST", "/containers/{id}/wait", waitForContainer)
    .route("DELETE", "/containers/{id}", removeContainer);
}

async function showContainers(context: RequestContext): Promise<void> {
  const request = {
    all: context.flag("all"),
    limit: context.integer("limit") ?? 0,
    size: context.flag("size"),
    filters: Filters.fromJson(context.query.get("filters") ?? undefined),
  };
  context.json(200, await listContainers(context.engine, request, context));
}

/** With `wharf-id` the client says what the container's id is to be, and may ask again without making a second one. */
async function createContainer(context: RequestContext): Promise<void> {
  const body = await context.body(createBodyShape);
  if (body === undefined) throw new EngineError("invalid-argument", "invalid JSON: got EOF while reading request body");
  const platform = context.query.get("platform");
  const request = {
    body: fillCreateBody(body),
    id: context.query.get("wharf-id") || undefined,
    name: context.query.get("name") || undefined,
    platform: platform ? parsePlatform(platform, hostPlatform("linux", context.engine.host.architecture)) : undefined,
  };
  const { signal, engine } = context;
  const { id, warnings } = await context.runs.create(request, { signal, snapshotter: engine.containerd.snapshotter });
  faultPoint("create.unanswered");
  context.json(201, { Id: id, Warnings: warnings });
}

async function showContainer(context: RequestContext): Promise<void> {
  const request = { nameOrId: context.param("id"), size: context.flag("size") };
  const container = await inspectContainer(context.engine, request, context);
  const execIds = context.execs.idsOf(container.Id);
  context.json(200, { ...container, ExecIDs: execIds.length > 0 ? execIds : null });
}

async function showProcesses(context: RequestContext): Promise<void> {
  const { container } = await findRun(context);
  const request = { psArguments: context.query.get("ps_args") ?? "" };
  context.json(200, await listContainerProcesses(context.engine, container, request, context));
}

async function startContainer(context: RequestContext): Promise<void> {
  const run = await findRun(context);
  const client = context.query.get("wharf-client");
  if (client !== null && run.pid === 0 && !context.services.waiting.has(run.id, client)) {
    // It attached to a supervisor that was killed since. It will attach to this one, and start the container then.
    throw new EngineError("unavailable", "whoever starts the container has not attached to it");
  }
  context.empty((await run.start()) ? 204 : 304);
}

async function stopContainer(context: RequestContext): Promise<void> {
  const run = await findRun(context);
  context.empty((await run.stop(stopRequest(context))) ? 204 : 304);
}

async function restartContainer(context: RequestContext): Promise<void> {
  const run = await findRun(context);
  await run.restart(stopRequest(context));
  context.empty(204);
}

function stopRequest(context: RequestContext) {
  const timeoutSeconds = context.integer("t");
  const stopSignal = context.query.get("signal") ?? "";
  return { ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }), stopSignal };
}

async function killContainer(context: RequestContext): Promise<void> {
  try {
    const run = await findRun(context);
    await run.kill(parseSignal(context.query.get("signal") || "KILL"));
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError(error.code, `cannot kill container: ${context.param("id")}: ${error.message}`, {
      cause: error,
    });
  }
  context.empty(204);
}

async function pauseContainer(context: RequestContext): Promise<void> {
  const run = await findRun(context);
  await run.pause(context.signal);
  context.empty(204);
}

async function unpauseContainer(context: RequestContext): Promise<void> {
  const run = await findRun(context);
  await run.unpause(context.signal);
  context.empty(204);
}

async function renameContainer(context: RequestContext): Promise<void> {
  const run = await findRun(context);
  await run.rename(context.query.get("name") ?? "", context.signal);
  faultPoint("rename.unanswered");
  context.empty(204);
}

/**
 * The headers go out at once: clients start the container only when they know that its exit will not be missed. With
 * `wharf-early`, who waits for a removal is told of the exit as soon as it is known, in a line of its own: after the
 * removal nobody else could tell.
 */
async function waitForContainer(context: RequestContext): Promise<void> {
  const condition = context.query.get("condition") || "not-running";
  if (!isWaitCondition(condition)) {
    throw new EngineError("invalid-argument", `invalid condition: ${JSON.stringify(condition)}`);
  }
  const run = await findRun(context);
  const ended = run.wait(condition);
  const exited = context.flag("wharf-early") && condition === "removed" ? run.wait("next-exit") : undefined;
  const response = context.startStream("application/json");
  if (exited !== undefined) response.write(exitLine(await exited));
  response.end(exitLine(await ended));
}

function exitLine({ exitCode, error }: ContainerExit): string {
  const answer: ContainerWait = { StatusCode: exitCode, ...(error === "" ? {} : { Error: { Message: error } }) };
  return `${JSON.stringify(answer)}\n`;
}

function isWaitCondition(text: string): text is WaitCondition {
  return WAIT_CONDITIONS.includes(text);
}

async function removeContainer(context: RequestContext): Promise<void> {
  if (context.flag("link")) {
    throw new EngineError("internal", "Conflict, cannot remove the default link name of the container");
  }
  const run = await findRun(context);
  await run.remove({ force: context.flag("force"), volumes: context.flag("v") });
  context.empty(204);
}

function findRun(context: RequestContext): Promise<ContainerRun> {
  return context.runs.find(context.param("id"), context);
}
