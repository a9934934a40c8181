import type { StoredContainer } from "../engine/containers/stored-container.ts";
import { parseByteSize } from "../model/byte-size.ts";
import { JsonLogWriter } from "../stdio/json-log-writer.ts";
import type { StdioOptions } from "../stdio/stdio.ts";
import { containerRunDir } from "../store/layout.ts";
import type { SupervisorEngine } from "./services.ts";

/** How a container's stdio is to be made or adopted: its FIFOs' place, its log, and how its input is closed. */
export function containerStdio(
  { containerd, settings }: SupervisorEngine,
  container: StoredContainer,
  onDefect: (error: unknown) => void,
): StdioOptions {
  const { id, record } = container;
  return {
    dir: containerRunDir(settings, containerd.namespace, id),
    terminal: record.config.Tty,
    stdin: record.config.OpenStdin,
    openLog: () => openLog(container, onDefect),
    durable: true,
    closeTaskStdin: () => containerd.tasks.closeIo(id),
    onDefect,
  };
}

function openLog({ name, record }: StoredContainer, onDefect: (error: unknown) => void): JsonLogWriter | undefined {
  if (record.logPath === "") return undefined;
  const { "max-size": maxSize, "max-file": maxFile } = record.hostConfig.LogConfig.Config;
  return new JsonLogWriter({
    path: record.logPath,
    maxSizeBytes: maxSize === undefined ? undefined : parseByteSize(maxSize),
    maxFiles: maxFile === undefined ? undefined : Number(maxFile),
    onFailure: (cause) => onDefect(new Error(`the log of container ${name} loses entries`, { cause })),
  });
}
