import { EngineError, isEngineError } from "../../errors.ts";
import { parseContainerName, randomContainerName } from "../../model/container-name.ts";
import { NAME_LABEL } from "../../model/container-record.ts";
import type { Engine } from "../engine.ts";

/**
 * Keeps the names of a namespace's containers unique. containerd's labels are the truth; what is held here are the
 * names of containers that are being made this very moment. The supervisor is the one writer of names, so nothing
 * beyond this process has to be locked.
 */
export class ContainerNames {
  readonly #reserved = new Map<string, string>();

  constructor(private readonly engine: Pick<Engine, "containerd">) {}

  /**
   * Reserves a name for the container `id`, one of docker's random names when `wanted` is absent. The reservation is
   * to be disposed of once a container carries the name, or will not.
   *
   * @throws EngineError `conflict` when another container has it; `invalid-argument` for a malformed one.
   */
  async reserve(wanted: string | undefined, id: string, signal: AbortSignal): Promise<NameReservation> {
    if (wanted !== undefined) return await this.#reserve(parseContainerName(wanted), id, signal);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#reserve(randomContainerName(attempt), id, signal);
      } catch (error) {
        if (!isEngineError(error, "conflict")) throw error;
      }
    }
  }

  async #reserve(name: string, id: string, signal: AbortSignal): Promise<NameReservation> {
    const holder = this.#reserved.get(name);
    if (holder !== undefined) throw nameInUse(name, holder);
    this.#reserved.set(name, id);
    const reservation = new NameReservation(name, () => this.#reserved.delete(name));
    try {
      const [owner] = await this.engine.containerd.containers.list([`labels."${NAME_LABEL}"=="${name}"`], { signal });
      if (owner !== undefined) throw nameInUse(name, owner.id);
      return reservation;
    } catch (error) {
      reservation[Symbol.dispose]();
      throw error;
    }
  }
}

/** A name that nobody else can take as long as this is held. */
export class NameReservation implements Disposable {
  constructor(
    readonly name: string,
    private readonly release: () => void,
  ) {}

  [Symbol.dispose](): void {
    this.release();
  }
}

function nameInUse(name: string, id: string): EngineError {
  const way = "You have to remove (or rename) that container to be able to reuse that name.";
  return new EngineError(
    "conflict",
    `Conflict. The container name "/${name}" is already in use by container "${id}". ${way}`,
  );
}
