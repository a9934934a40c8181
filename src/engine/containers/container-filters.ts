import { EngineError } from "../../errors.ts";
import type { ContainerStatus, ContainerSummary, HealthStatus } from "../../model/container-view.ts";
import type { Filters } from "../../model/filters.ts";

/** What the filters look at that a row does not show. */
export interface FilterSubject {
  readonly summary: ContainerSummary;
  /** To the nanosecond, where the row shows seconds. */
  readonly createdAt: string;
  readonly running: boolean;
  readonly exitCode: number;
  readonly hasRun: boolean;
  /** `none` for a container that is not probed. */
  readonly health: HealthStatus | "none";
}

/** What the filters refer to, looked up before: containers of `before` and `since`, images of `ancestor`. */
export interface FilterReferences {
  /** When these were created: the container must be older than each of them. */
  readonly before: readonly string[];
  readonly since: readonly string[];
  readonly ancestorImageIds: ReadonlySet<string>;
}

type Test = (subject: FilterSubject) => boolean;
type TestMaker = (filters: Filters, references: FilterReferences) => Test;

const STATUSES: readonly string[] = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
] satisfies ContainerStatus[];
const HEALTHS: readonly string[] = ["none", "starting", "healthy", "unhealthy"];

/** docker's filters of `ps`. `isolation` is Windows' and matches everything, as it does there. */
const TESTS: Readonly<Record<string, TestMaker>> = {
  id: (filters) => {
    return ({ summary }) => filters.matchesPattern("id", summary.Id);
  },
  name: (filters) => {
    return ({ summary }) =>
      summary.Names.some(
        (name) => filters.matchesPattern("name", name) || filters.matchesPattern("name", name.slice(1)),
      );
  },
  label: (filters) => {
    return ({ summary }) => filters.matchesLabels("label", summary.Labels);
  },
  status: (filters) => {
    for (const value of filters.values("status")) requireOneOf("status", "state", value, STATUSES);
    return ({ summary }) => filters.matchesExactly("status", summary.State);
  },
  exited: (filters) => {
    const codes = filters.values("exited").map(parseExitCode);
    return ({ running, hasRun, exitCode }) => !running && hasRun && codes.includes(exitCode);
  },
  health: (filters) => {
    for (const value of filters.values("health")) requireOneOf("health", "health", value, HEALTHS);
    return ({ health }) => filters.matchesExactly("health", health);
  },
  "is-task": (filters) => {
    const wantsTasks = filters.boolean("is-task", false);
    return () => !wantsTasks;
  },
  isolation: () => () => true,
  before: (_filters, { before }) => {
    return ({ createdAt }) => before.every((other) => createdAt < other);
  },
  since: (_filters, { since }) => {
    return ({ createdAt }) => since.every((other) => createdAt > other);
  },
  ancestor: (_filters, { ancestorImageIds }) => {
    return ({ summary }) => ancestorImageIds.has(summary.ImageID);
  },
  volume: (filters) => {
    const matches = (text: string) => filters.matchesExactly("volume", text);
    return ({ summary }) => summary.Mounts.some(({ Destination, Name = "" }) => matches(Destination) || matches(Name));
  },
  network: (filters) => {
    const isId = (id: string) => id !== "" && filters.matchesPrefix("network", id);
    return ({ summary }) =>
      Object.entries(summary.NetworkSettings.Networks).some(
        ([name, { NetworkID }]) => filters.matchesExactly("network", name) || isId(NetworkID),
      );
  },
  publish: (filters) => {
    const ports = new Set(filters.values("publish").flatMap((value) => parsePortFilter("publish", value)));
    return ({ summary }) =>
      summary.Ports.some((port) => port.PublicPort !== undefined && ports.has(`${port.PublicPort}/${port.Type}`));
  },
  expose: (filters) => {
    const ports = new Set(filters.values("expose").flatMap((value) => parsePortFilter("expose", value)));
    return ({ summary }) => summary.Ports.some((port) => ports.has(`${port.PrivatePort}/${port.Type}`));
  },
};

/**
 * Turns filters into one test.
 *
 * @throws EngineError `invalid-argument` for a filter or value that docker does not know either.
 */
export function compileFilters(filters: Filters, references: FilterReferences): Test {
  filters.checkKeys(Object.keys(TESTS));
  const tests = Object.entries(TESTS)
    .filter(([name]) => filters.has(name))
    .map(([, make]) => make(filters, references));
  return (subject) => tests.every((test) => test(subject));
}

/** True for filters under which containers that do not run are shown without `-a`. */
export function impliesAll(filters: Filters): boolean {
  return ["status", "exited", "before", "since"].some((name) => filters.has(name));
}

function requireOneOf(filter: string, what: string, value: string, choice: readonly string[]): void {
  if (choice.includes(value)) return;
  const reason = `invalid value for ${what} (${value}): must be one of ${choice.join(", ")}`;
  throw new EngineError("invalid-argument", `invalid filter '${filter}=${value}': ${reason}`);
}

function parseExitCode(value: string): number {
  if (/^[+-]?\d+$/.test(value)) return Number(value);
  const reason = `strconv.Atoi: parsing "${value}": invalid syntax`;
  throw new EngineError("invalid-argument", `invalid filter 'exited=${value}': ${reason}`);
}

/** Reads `80`, `80/udp` or `8000-8010/tcp` as keys `80/tcp`. */
function parsePortFilter(filter: string, value: string): string[] {
  const refuse = (reason: string) => new EngineError("invalid-argument", reason);
  if (value.includes(":")) throw refuse(`filter for '${filter}' should not contain ':': ${value}`);
  const [range = "", protocol = "tcp"] = value.split("/");
  const [start = "", end = start] = range.split("-");
  if (![start, end].every((port) => /^\d+$/.test(port) && Number(port) <= 65535) || Number(end) < Number(start)) {
    throw refuse(`error while looking up for ${filter} ${value}: invalid port range`);
  }
  return Array.from({ length: Number(end) - Number(start) + 1 }, (_, index) => `${Number(start) + index}/${protocol}`);
}
