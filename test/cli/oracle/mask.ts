/** Replaces what differs from one run to the next, or between two daemons that do the same, by what it is. */
export function maskText(text: string): string {
  return (
    text
      .replace(/\b[0-9a-f]{64}\b/g, "<id>")
      .replace(/\b[0-9a-f]{12}\b/g, "<short id>")
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "<time>")
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+/g, "<time>")
      .replace(/(Less than a second|About a minute|\d+ \w+) ago/g, "<age> ago")
      .replace(/Up (Less than a second|About a minute|\d+ \w+)/g, "Up <age>")
      .replace(/"RunningFor":"[^"]*"/g, '"RunningFor":"<age>"')
      // wharf keeps the volumes of namespaces apart.
      .replace(/\/[^\s"]+\/volumes\/([^\s"/]+\/)?([^\s"/]+)\/_data/g, "<volumes>/$2/_data")
      .replace(/^(overlay2|overlayfs)$/, "<overlay>")
      .replace(/\b\d+(\.\d+)?[kM]?B\b/g, "<size>")
      .replace(/ {2,}/g, "  ")
  );
}

/** Fields whose values are one daemon's own; their types must agree all the same. */
const OWN_FIELDS = new Set([
  "AppArmorProfile",
  "CreatedAt",
  "EndpointID",
  "Gateway",
  "GraphDriver",
  "HostnamePath",
  "HostsPath",
  "IPAddress",
  "IPPrefixLen",
  "LogPath",
  "MacAddress",
  "NetworkID",
  "Pid",
  "ResolvConfPath",
  "SandboxID",
  "SandboxKey",
  "Size",
  "SizeRootFs",
  "SizeRw",
]);

/** docker's daemon keeps mounts in a map, its client the values of `-v`: they come in no order. */
const UNORDERED_FIELDS = new Set(["Binds", "Mounts"]);

/** Parses JSON, one document or one a line, with its volatile parts masked. */
export function maskJson(text: string): unknown {
  const documents = text.startsWith("[") ? [text] : text.split("\n").filter((line) => line !== "");
  return documents.map((document) => maskValue(JSON.parse(document), ""));
}

function maskValue(value: unknown, field: string): unknown {
  if (OWN_FIELDS.has(field)) return `<${shapeOf(value)}>`;
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value)) {
    const elements = value.map((element) => maskValue(element, ""));
    return UNORDERED_FIELDS.has(field)
      ? elements.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : elements;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [maskText(name), maskValue(inner, name)]));
}

function shapeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
