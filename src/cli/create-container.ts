import { closeSync, openSync, readSync } from "node:fs";
import type { EngineApi } from "../api/client.ts";
import { type EngineError, isEngineError } from "../errors.ts";
import type { CreateBody } from "../model/container-config.ts";
import type { Settings } from "../model/settings.ts";
import type { PullPolicy } from "./flags/creation.ts";
import { IdFile } from "./id-file.ts";
import { warn } from "./output.ts";

export interface CreationRequest {
  readonly body: CreateBody;
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly pull: PullPolicy;
  /** Do not show the pull. */
  readonly quiet: boolean;
  readonly cidFile: string | undefined;
}

export interface CreationContext {
  readonly settings: Settings;
  readonly signal: AbortSignal;
}

/** The answer of `POST /containers/create`. */
interface CreateAnswer {
  readonly Id: string;
  readonly Warnings: readonly string[] | null;
}

/**
 * Makes a container by way of the supervisor, after pulling its image if it is not here, and returns its id. What the
 * supervisor warns of is shown.
 *
 * @throws EngineError what the supervisor, or the pull, refused.
 */
export async function createContainer(
  api: EngineApi,
  request: CreationRequest,
  context: CreationContext,
): Promise<string> {
  using idFile = request.cidFile === undefined ? undefined : IdFile.claim(request.cidFile);
  if (request.pull === "always") await pull(request, context);
  const { Id: id, Warnings: warnings } = await postCreate(api, request, context).catch(async (error: unknown) => {
    if (request.pull !== "missing" || !isMissingImage(error)) throw error;
    await pull(request, context);
    return await postCreate(api, request, context);
  });
  for (const warning of warnings ?? []) warn(warning);
  idFile?.write(id);
  return id;
}

/** By the id that we choose the next supervisor knows what an earlier one made that was killed before it said so. */
async function postCreate(
  api: EngineApi,
  { body, name, platform }: CreationRequest,
  { signal }: CreationContext,
): Promise<CreateAnswer> {
  return await api.request<CreateAnswer>("POST", "/containers/create", {
    query: { name: name || undefined, platform: platform || undefined, "wharf-id": randomId() },
    body,
    signal,
    repeatable: true,
  });
}

/** 64 hex digits, from the kernel: Node's module for it takes longer to load than the call that it would be for. */
function randomId(): string {
  const bytes = Buffer.alloc(32);
  const fd = openSync("/dev/urandom", "r");
  try {
    readSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
  return bytes.toString("hex");
}

/** A container that `--network` or `--volumes-from` names may be missing too; pulling does not help there. */
function isMissingImage(error: unknown): error is EngineError {
  return isEngineError(error, "not-found") && error.message.startsWith("No such image");
}

async function pull({ body, platform, quiet }: CreationRequest, { settings, signal }: CreationContext): Promise<void> {
  const { pullMissing } = await import("./pull-missing.ts");
  await pullMissing(settings, { image: body.Image, platform: platform || undefined, quiet }, { signal });
}
