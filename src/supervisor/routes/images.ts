import { Filters } from "../../model/filters.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";

/**
 * The routes that show images. Commands of our own read them from containerd themselves, so the code for it is loaded
 * when the first other client asks.
 */
export function addImageRoutes(router: Router): void {
  router.route("GET", "/images/json", showImages).route("GET", "/images/{name...}/json", showImage);
}

async function showImages(context: RequestContext): Promise<void> {
  const { listImages } = await import("../../engine/images/list.ts");
  const filters = Filters.fromJson(context.query.get("filters") ?? undefined);
  context.json(200, await listImages(context.engine, { filters, countContainers: true }, context));
}

async function showImage(context: RequestContext): Promise<void> {
  const { inspectImage } = await import("../../engine/images/inspect.ts");
  context.json(200, await inspectImage(context.engine, { image: context.param("name") }, context));
}
