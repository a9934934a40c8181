import { API_VERSION, MIN_API_VERSION } from "../../model/api-version.ts";
import type { SupervisorStatus } from "../../model/supervisor-status.ts";
import { hasFfi } from "../../stdio/libc.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";

export interface SystemRoutesOptions {
  readonly version: string;
  status(): SupervisorStatus;
  /** Ends the supervisor; resolves never, as the process is gone. */
  shutDown(): void;
}

/** The routes about the supervisor itself. `/wharf/` are its own, beyond docker's API. */
export function addSystemRoutes(router: Router, options: SystemRoutesOptions): void {
  router
    .route("GET", "/_ping", ping, { always: true })
    .route("HEAD", "/_ping", ping, { always: true })
    .route("GET", "/version", (context) => showVersion(context, options.version))
    .route("GET", "/info", (context) => showInfo(context, options.version))
    .route("GET", "/wharf/status", (context) => context.json(200, options.status()), { always: true })
    .route(
      "POST",
      "/wharf/shutdown",
      (context) => {
        // The connection stays open until the process has ended, so that the client sees when that is.
        context.startStream("application/json");
        options.shutDown();
      },
      { always: true },
    );
}

function ping(context: RequestContext): void {
  context.text(200, "OK", { "cache-control": "no-cache, no-store, must-revalidate", pragma: "no-cache" });
}

/** Loaded when they are asked for: our own commands describe the host themselves. */
async function showVersion(context: RequestContext, version: string): Promise<void> {
  const { describeVersion } = await import("../../engine/system/version.ts");
  const engine = {
    version,
    apiVersion: API_VERSION,
    minApiVersion: MIN_API_VERSION,
    gitCommit: "",
  };
  context.json(200, await describeVersion(context.engine, engine, context));
}

async function showInfo(context: RequestContext, version: string): Promise<void> {
  const { describeSystem } = await import("../../engine/system/info.ts");
  context.json(200, await describeSystem(context.engine, { version, hasFfi: hasFfi() }, context));
}
