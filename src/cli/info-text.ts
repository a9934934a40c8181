import { formatBinarySize } from "../model/byte-size.ts";
import type { SystemInfo } from "../model/system-view.ts";

/** docker's `.ClientInfo` of `info`. */
export interface ClientInfo {
  readonly Debug: boolean;
  readonly Version: string;
  readonly Context: string;
  readonly Plugins: readonly never[];
  readonly Warnings: null;
}

export function clientInfo(version: string, debug: boolean): ClientInfo {
  return { Debug: debug, Version: version, Context: "default", Plugins: [], Warnings: null };
}

/** Shows the system as docker does to people. */
export function infoText(info: SystemInfo, client: ClientInfo): string {
  const security = info.SecurityOptions.flatMap((option) => {
    const [name = "", ...properties] = option.split(",").map((property) => property.split("=")[1] ?? "");
    return [`  ${name}`, ...properties.map((value) => `   Profile: ${value}`)];
  });
  const lines = [
    "Client:",
    ` Version:    ${client.Version}`,
    ` Context:    ${client.Context}`,
    ` Debug Mode: ${client.Debug}`,
    "",
    "Server:",
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ` Server Version: ${info.ServerVersion}`,
    ` Storage Driver: ${info.Driver}`,
    ...info.DriverStatus.map(([name, value]) => `  ${name}: ${value}`),
    ` Logging Driver: ${info.LoggingDriver}`,
    ` Cgroup Driver: ${info.CgroupDriver}`,
    ` Cgroup Version: ${info.CgroupVersion}`,
    " Plugins:",
    `  Volume: ${info.Plugins.Volume.join(" ")}`,
    `  Network: ${info.Plugins.Network.join(" ")}`,
    `  Log: ${info.Plugins.Log.join(" ")}`,
    ` Runtimes: ${Object.keys(info.Runtimes).join(" ")}`,
    ` Default Runtime: ${info.DefaultRuntime}`,
    ` Init Binary: ${info.InitBinary}`,
    ` containerd version: ${info.ContainerdCommit.ID}`,
    ` runc version: ${info.RuncCommit.ID}`,
    " Security Options:",
    ...security,
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${formatBinarySize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
    ` containerd Address: ${info.Containerd.Address}`,
    ` containerd Namespace: ${info.Containerd.Namespaces.Containers}`,
    ` Experimental: ${info.ExperimentalBuild}`,
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
  ];
  return `${lines.join("\n")}\n\n`;
}
