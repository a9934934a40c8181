import type { EngineEvent } from "../../model/engine-event.ts";
import { Filters } from "../../model/filters.ts";
import { parseMoment } from "../../model/moment.ts";
import { callAt } from "../../wall-clock.ts";
import type { RequestContext } from "../request-context.ts";
import type { Router } from "../router.ts";

const FILTERS = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
];

/** The route that tells what happens. */
export function addEventRoutes(router: Router): void {
  router.route("GET", "/events", showEvents);
}

/** First what is remembered since `since`, then what happens, until `until` or until the client goes. */
async function showEvents(context: RequestContext): Promise<void> {
  const filters = Filters.fromJson(context.query.get("filters") ?? undefined).checkKeys(FILTERS);
  const now = new Date();
  const moment = (name: string) => {
    const text = context.query.get(name);
    return text ? Date.parse(parseMoment(text, now)) : undefined;
  };
  const since = moment("since");
  const until = moment("until");
  const { events } = context.services;
  const response = context.startStream("application/json");
  const tell = (event: EngineEvent) => {
    const tooLate = until !== undefined && event.timeNano / 1e6 > until;
    if (!tooLate && matches(event, filters)) response.write(`${JSON.stringify(event)}\n`);
  };
  if (since !== undefined) for (const event of events.since(since)) tell(event);
  const stopListening = events.listen(tell);
  await untilOver(context.signal, until);
  stopListening();
  response.end();
}

/** Settles when the client has gone, or the moment has come. */
async function untilOver(signal: AbortSignal, untilMs: number | undefined): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const forget = untilMs === undefined ? undefined : callAt(untilMs, resolve);
    const leave = () => {
      forget?.();
      resolve();
    };
    signal.addEventListener("abort", leave, { once: true });
  });
}

function matches(event: EngineEvent, filters: Filters): boolean {
  const { Attributes: attributes, ID: id } = event.Actor;
  const isSubject = (type: string) =>
    !filters.has(type) ||
    (event.Type === type && (filters.matchesPrefix(type, id) || filters.matchesExactly(type, attributes.name ?? "")));
  const image = attributes.image ?? "";
  // `exec_create: sh` is chosen by `event=exec_create` too.
  const [action = ""] = event.Action.split(":");
  return (
    filters.matchesExactly("type", event.Type) &&
    filters.matchesExactly("scope", event.scope) &&
    (filters.matchesExactly("event", event.Action) || filters.matchesExactly("event", action)) &&
    filters.matchesLabels("label", attributes) &&
    (filters.matchesExactly("image", image) || filters.matchesExactly("image", image.replace(/:[^:/]*$/, ""))) &&
    ["container", "network", "volume"].every(isSubject) &&
    ["config", "daemon", "node", "plugin", "secret", "service"].every((type) => !filters.has(type))
  );
}
