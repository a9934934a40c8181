import type { ExplainedHost, RegistryExplanation } from "../registry/explain.ts";

/** What `registry explain` shows: a block for each host, in the order in which they are asked. */
export function explanationText({ reference, registry, repository, hosts, chosen }: RegistryExplanation): string {
  const head = lines([
    ["Reference", reference],
    ["Registry", registry],
    ["Repository", repository],
  ]);
  const blocks = hosts.map(
    (host, index) => `\n${index + 1}. ${host.urls.join(" or ")} (${host.role})\n${hostText(host)}`,
  );
  const url = chosen === undefined ? undefined : hosts[chosen]?.urls[0];
  const end = url === undefined ? "\nNo host serves the image.\n" : `\nThe image is pulled from ${url}\n`;
  return `${head}${blocks.join("")}${end}`;
}

function hostText(host: ExplainedHost): string {
  const { credentials } = host;
  const limits = Object.entries(host.rateLimits).map(([name, value]) => `${name}: ${value}`);
  return lines(
    [
      ["Configured by", host.configuredBy ?? "its name"],
      ["Capabilities", host.capabilities.join(", ")],
      ["TLS", host.tls],
      ["Authorities", host.authorities.join(", ")],
      ["Client certificates", host.clientCertificates.join(", ")],
      ["Headers", host.headers.join(", ")],
      ["Proxy", host.proxy ?? ""],
      ["Credentials", credentials === undefined ? "none" : credentialText(credentials)],
      ["Answer", answerText(host)],
      ["Rate limits", limits.join(", ")],
    ],
    "   ",
  );
}

function credentialText({ source, type, username }: NonNullable<ExplainedHost["credentials"]>): string {
  return `${type}${username === undefined ? "" : ` of ${username}`}, from ${source}`;
}

function answerText({ status, digest, failure }: ExplainedHost): string {
  if (failure !== undefined) return failure;
  if (status === undefined) return "not asked";
  return digest === undefined ? String(status) : `${status}, ${digest}`;
}

const LABEL_WIDTH = 21;

function lines(entries: readonly (readonly [label: string, value: string])[], indent = ""): string {
  return entries
    .filter(([, value]) => value !== "")
    .map(([label, value]) => `${indent}${`${label}:`.padEnd(LABEL_WIDTH)}${value}\n`)
    .join("");
}
