import type { ComponentVersion, SystemVersion } from "../model/system-view.ts";

/** docker's `.Client` of `version`. */
export interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly GitCommit: string;
  readonly NodeVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
}

/** Shows versions as docker does to people. */
export function versionText(client: ClientVersion, server: SystemVersion | undefined): string {
  const clientLines = [
    "Client:",
    entry("Version", client.Version),
    entry("API version", client.ApiVersion),
    entry("Node version", client.NodeVersion),
    entry("Git commit", client.GitCommit),
    entry("OS/Arch", `${client.Os}/${client.Arch}`),
    entry("Context", client.Context),
  ];
  if (server === undefined) return lines(clientLines);
  const others = server.Components.filter(({ Name }) => Name !== "Engine");
  return lines([
    ...clientLines,
    "",
    "Server:",
    " Engine:",
    detail("Version", server.Version),
    detail("API version", `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`),
    detail("Git commit", server.GitCommit),
    detail("OS/Arch", `${server.Os}/${server.Arch}`),
    ...others.flatMap(componentLines),
  ]);
}

function componentLines({ Name, Version, Details }: ComponentVersion): string[] {
  const details = Object.entries(Details).map(([name, value]) => detail(name, value));
  return [` ${Name}:`, detail("Version", Version), ...details];
}

function entry(name: string, value: string): string {
  return ` ${`${name}:`.padEnd(18)} ${value}`;
}

function detail(name: string, value: string): string {
  return `  ${`${name}:`.padEnd(17)} ${value}`;
}

function lines(texts: readonly string[]): string {
  return `${texts.join("\n")}\n`;
}
