import { EngineError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { notRunning } from "./kill.ts";
import { findTask, type StoredContainer } from "./stored-container.ts";

/** Freezes all processes of a container. @throws EngineError `conflict` unless it runs and is not paused yet. */
export async function pauseContainer(
  engine: Pick<Engine, "containerd">,
  container: StoredContainer,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const task = await findTask(engine, container.id, { signal });
  if (task?.status === "paused" || task?.status === "pausing") {
    throw new EngineError("conflict", `Container ${container.id} is already paused`);
  }
  if (task?.status !== "running") throw notRunning(container);
  await engine.containerd.tasks.pause(container.id, { signal });
}

/** Lets a paused container go on. @throws EngineError `internal`, as docker has it, when it is not paused. */
export async function unpauseContainer(
  engine: Pick<Engine, "containerd">,
  container: StoredContainer,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const task = await findTask(engine, container.id, { signal });
  if (task?.status !== "paused") throw new EngineError("internal", `Container ${container.id} is not paused`);
  await engine.containerd.tasks.resume(container.id, { signal });
}
