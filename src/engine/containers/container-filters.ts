import { EngineError } from "../../errors.ts";
import type { ContainerStatus, ContainerSummary } from "../../model/container-view.ts";

/** Values by filter name; a container has to match one value of each name, and all of `label`. */
export type ContainerFilters = ReadonlyMap<string, readonly string[]>;

/** What the filters look at that a row does not show. */
export interface FilterSubject {
  readonly summary: ContainerSummary;
  readonly running: boolean;
  readonly exitCode: number;
  readonly hasRun: boolean;
}

/** What the filters refer to, looked up before: containers of `before` and `since`, images of `ancestor`. */
export interface FilterReferences {
  /** Seconds: the container must be older than each of these. */
  readonly before: readonly number[];
  readonly since: readonly number[];
  readonly ancestorImageIds: ReadonlySet<string>;
}

type Test = (subject: FilterSubject) => boolean;
type TestMaker = (values: readonly string[], references: FilterReferences) => Test;

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
  id: (values) => {
    return ({ summary }) => matchesPattern(values, summary.Id);
  },
  name: (values) => {
    return ({ summary }) =>
      summary.Names.some((name) => matchesPattern(values, name) || matchesPattern(values, name.slice(1)));
  },
  label: (values) => {
    return ({ summary }) => values.every((value) => matchesLabel(value, summary.Labels));
  },
  status: (values) => {
    for (const value of values) requireOneOf("status", "state", value, STATUSES);
    return ({ summary }) => values.includes(summary.State);
  },
  exited: (values) => {
    const codes = values.map(parseExitCode);
    return ({ running, hasRun, exitCode }) => !running && hasRun && codes.includes(exitCode);
  },
  health: (values) => {
    for (const value of values) requireOneOf("health", "health", value, HEALTHS);
    return () => values.includes("none");
  },
  "is-task": (values) => {
    const wanted = values.map((value) => parseBoolean("is-task", value));
    return () => wanted.includes(false);
  },
  isolation: () => () => true,
  before: (_values, { before }) => {
    return ({ summary }) => before.every((created) => summary.Created < created);
  },
  since: (_values, { since }) => {
    return ({ summary }) => since.every((created) => summary.Created > created);
  },
  ancestor: (_values, { ancestorImageIds }) => {
    return ({ summary }) => ancestorImageIds.has(summary.ImageID);
  },
  volume: (values) => {
    return ({ summary }) =>
      summary.Mounts.some((mount) => values.includes(mount.Destination) || values.includes(mount.Name ?? ""));
  },
  network: (values) => {
    return ({ summary }) =>
      Object.entries(summary.NetworkSettings.Networks).some(([name, { NetworkID: id }]) =>
        values.some((value) => value === name || (id !== "" && id.startsWith(value))),
      );
  },
  publish: (values) => {
    const ports = new Set(values.flatMap((value) => parsePortFilter("publish", value)));
    return ({ summary }) =>
      summary.Ports.some((port) => port.PublicPort !== undefined && ports.has(`${port.PublicPort}/${port.Type}`));
  },
  expose: (values) => {
    const ports = new Set(values.flatMap((value) => parsePortFilter("expose", value)));
    return ({ summary }) => summary.Ports.some((port) => ports.has(`${port.PrivatePort}/${port.Type}`));
  },
};

/**
 * Turns filters into one test.
 *
 * @throws EngineError `invalid-argument` for a filter or value that docker does not know either.
 */
export function compileFilters(filters: ContainerFilters, references: FilterReferences): Test {
  const tests = [...filters].map(([name, values]) => {
    const make = TESTS[name];
    if (make === undefined) throw new EngineError("invalid-argument", `invalid filter '${name}'`);
    return make(values, references);
  });
  return (subject) => tests.every((test) => test(subject));
}

/** True for filters under which containers that do not run are shown without `-a`. */
export function impliesAll(filters: ContainerFilters): boolean {
  return ["status", "exited", "before", "since"].some((name) => filters.has(name));
}

/** As docker: the value is a regular expression, and one that is none matches only itself. */
function matchesPattern(values: readonly string[], text: string): boolean {
  return values.some((value) => {
    if (value === text) return true;
    try {
      return new RegExp(value).test(text);
    } catch {
      return false;
    }
  });
}

function matchesLabel(value: string, labels: Readonly<Record<string, string>>): boolean {
  const equals = value.indexOf("=");
  if (equals === -1) return value in labels;
  return labels[value.slice(0, equals)] === value.slice(equals + 1);
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

function parseBoolean(filter: string, value: string): boolean {
  if (["1", "true"].includes(value)) return true;
  if (["0", "false"].includes(value)) return false;
  throw new EngineError("invalid-argument", `invalid filter '${filter}=[${value}]'`);
}

/** Reads `80`, `80/udp` or `8000-8010/tcp` as keys `80/tcp`. */
function parsePortFilter(filter: string, value: string): string[] {
  if (value.includes(":"))
    throw new EngineError("invalid-argument", `filter for '${filter}' should not contain ':': ${value}`);
  const [range = "", protocol = "tcp"] = value.split("/");
  const [start = "", end = start] = range.split("-");
  if (![start, end].every((port) => /^\d+$/.test(port) && Number(port) <= 65535) || Number(end) < Number(start)) {
    throw new EngineError("invalid-argument", `error while looking up for ${filter} ${value}: invalid port range`);
  }
  return Array.from({ length: Number(end) - Number(start) + 1 }, (_, index) => `${Number(start) + index}/${protocol}`);
}
