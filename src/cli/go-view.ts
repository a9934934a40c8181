import { GO_METHODS, TypedNil } from "./template/go-value.ts";

/**
 * Sees an object of the Engine API as docker's client sees it through Go's types, so that templates print what they
 * print there: which objects are maps, what a null is, which fields are left out of JSON when they are empty.
 *
 * Those are few names, and each means the same wherever it occurs; so they are told by name, not by place.
 */
const MAPS = new Set([
  "Annotations",
  "Data",
  "Details",
  "DriverOpts",
  "ExposedPorts",
  "Labels",
  "LogConfig.Config",
  "Networks",
  "Options",
  "PortBindings",
  "Ports",
  "Runtimes",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);

const POINTERS = new Set([
  "GraphDriver",
  "IPAMConfig",
  "Init",
  "MemorySwappiness",
  "OomKillDisable",
  "PidsLimit",
  "RemoteManagers",
]);

/** Fields that JSON lacks while they are nil; by the name of the object that they belong to. */
const OMITTED: Readonly<Record<string, readonly (readonly [field: string, nil: TypedNil])[]>> = {
  "": [
    ["RestartHistory", TypedNil.list],
    ["SizeRw", TypedNil.pointer],
    ["SizeRootFs", TypedNil.pointer],
  ],
  State: [["Health", TypedNil.pointer]],
  Config: [["Healthcheck", TypedNil.pointer]],
  HostConfig: [
    ["Annotations", TypedNil.map],
    ["Init", TypedNil.pointer],
    ["Mounts", TypedNil.list],
    ["StorageOpt", TypedNil.map],
    ["Sysctls", TypedNil.map],
    ["Tmpfs", TypedNil.map],
  ],
};

/** Go's names of fields, where JSON spells them otherwise. Templates may use either. */
const GO_NAMES: Readonly<Record<string, string>> = {
  ApiVersion: "APIVersion",
  CpuPeriod: "CPUPeriod",
  CpuQuota: "CPUQuota",
  CpuShares: "CPUShares",
  Dns: "DNS",
  DnsOptions: "DNSOptions",
  DnsSearch: "DNSSearch",
  HostIp: "HostIP",
  Id: "ID",
  NanoCpus: "NanoCPUs",
};

/** Sees an answer of the Engine API through Go's types. */
export function asGoTypes(value: unknown): unknown {
  return convert(value, "", "");
}

/** Sees parsed JSON as Go does without knowing its type: every object is a map. */
export function asGoMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asGoMaps);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([name, field]) => [name, asGoMaps(field)]));
}

function convert(value: unknown, name: string, parent: string): unknown {
  const isMap = MAPS.has(name) || MAPS.has(`${parent}.${name}`);
  if (value === null) return isMap ? TypedNil.map : POINTERS.has(name) ? TypedNil.pointer : TypedNil.list;
  if (Array.isArray(value)) return value.map((element) => convert(element, "[]", name));
  if (typeof value !== "object") return value;
  const entries = Object.entries(value);
  if (isMap) return new Map(entries.map(([key, element]) => [key, convert(element, "{}", name)]));
  return struct(
    entries.map(([field, element]) => [field, convert(element, field, name)] as const),
    name,
  );
}

function struct(fields: readonly (readonly [string, unknown])[], name: string): object {
  const present = Object.fromEntries(fields);
  const omitted = (OMITTED[name] ?? [])
    .filter(([field]) => !(field in present))
    .map(([field, nil]) => [field, () => nil]);
  const renamed = fields.flatMap(([field, value]) => {
    const goName = GO_NAMES[field];
    return goName === undefined ? [] : [[goName, () => value] as const];
  });
  return { ...present, [GO_METHODS]: Object.fromEntries([...omitted, ...renamed]) };
}
