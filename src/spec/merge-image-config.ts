import { EngineError } from "../errors.ts";
import type { ContainerConfig, HealthConfig } from "../model/container-config.ts";
import type { ImageRunConfig } from "../model/image-config.ts";

/**
 * Lays a container's configuration over that of its image, as docker does: the result is what `inspect` shows. Merging
 * it again with the same image changes nothing.
 */
export function mergeImageConfig(config: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  const healthcheck = mergeHealth(config.Healthcheck, image.Healthcheck);
  const exposedPorts = { ...image.ExposedPorts, ...config.ExposedPorts };
  const volumes = { ...image.Volumes, ...config.Volumes };
  return {
    ...config,
    ...mergeCommand(config, image),
    User: config.User || (image.User ?? ""),
    Env: mergeEnv(config.Env ?? [], image.Env ?? []),
    WorkingDir: config.WorkingDir || (image.WorkingDir ?? ""),
    Labels: { ...image.Labels, ...config.Labels },
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    ...(Object.keys(exposedPorts).length > 0 && { ExposedPorts: exposedPorts }),
    ...(healthcheck !== undefined && { Healthcheck: healthcheck }),
    ...((config.StopSignal || image.StopSignal) && { StopSignal: config.StopSignal || (image.StopSignal ?? "") }),
  };
}

/** An entrypoint of the container's own makes the image's command void: it was meant for the image's entrypoint. */
function mergeCommand(config: ContainerConfig, image: ImageRunConfig): Pick<ContainerConfig, "Entrypoint" | "Cmd"> {
  const ownEntrypoint = (config.Entrypoint ?? []).length > 0;
  const ownCommand = (config.Cmd ?? []).length > 0;
  const command = ownEntrypoint || ownCommand ? config.Cmd : (image.Cmd ?? null);
  const entrypoint = config.Entrypoint ?? image.Entrypoint ?? null;
  return { Entrypoint: isReset(entrypoint) ? null : entrypoint, Cmd: command };
}

/** `--entrypoint ""` arrives so. */
function isReset(entrypoint: readonly string[] | null): boolean {
  return entrypoint?.length === 1 && entrypoint[0] === "";
}

function mergeEnv(own: readonly string[], image: readonly string[]): readonly string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...image.filter((variable) => !names.has(nameOf(variable)))];
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0] ?? variable;
}

function mergeHealth(own: HealthConfig | undefined, image: HealthConfig | undefined): HealthConfig | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  const given = Object.entries(own).filter(([, value]) => value !== 0 && (value as readonly string[]).length !== 0);
  return { ...image, ...Object.fromEntries(given) };
}

/**
 * The words of a container's process: entrypoint, then command.
 *
 * @throws EngineError `invalid-argument` where neither container nor image names any.
 */
export function argvOf({ Entrypoint, Cmd }: Pick<ContainerConfig, "Entrypoint" | "Cmd">): readonly string[] {
  const argv = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (argv.length === 0) throw new EngineError("invalid-argument", "no command specified");
  return argv;
}
