import { Filters } from "../../model/filters.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";

/**
 * The routes that show images. Commands of our own read them from containerd themselves, so the code for it is loaded
 * when the first other client asks.
 */
export function addImageRoutes(router: Router): void {
  router
    .route("GET", "/images/json", showImages)
    .route("GET", "/images/{name...}/json", showImage)
    .route("GET", "/images/{name...}/history", showHistory)
    .route("POST", "/commit", commit);
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

async function showHistory(context: RequestContext): Promise<void> {
  const { readImageHistory } = await import("../../engine/images/history.ts");
  context.json(200, await readImageHistory(context.engine, { image: context.param("name") }, context));
}

async function commit(context: RequestContext): Promise<void> {
  const { commitAndResume } = await import("../commit.ts");
  const { query, engine, signal } = context;
  const id = await commitAndResume(
    engine,
    {
      container: query.get("container") ?? "",
      repository: query.get("repo") ?? "",
      tag: query.get("tag") ?? "",
      author: query.get("author") ?? "",
      comment: query.get("comment") ?? "",
      changes: query.getAll("changes").flatMap((change) => change.split("\n")),
      pause: !["0", "false"].includes(query.get("pause") ?? ""),
    },
    { signal },
  );
  context.json(201, { Id: id });
}
