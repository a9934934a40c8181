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
  readonly #reserved = new Map<string, Reserved>();

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

  /** The names that are reserved now, and a way to give up each. */
  reserved(): { readonly name: string; readonly containerId: string; release(): void }[] {
    return [...this.#reserved].map(([name, { id: containerId }]) => ({
      name,
      containerId,
      release: () => this.#reserved.delete(name),
    }));
  }

  async #reserve(name: string, id: string, signal: AbortSignal): Promise<NameReservation> {
    for (let holder = this.#reserved.get(name); holder !== undefined; holder = this.#reserved.get(name)) {
      // One that loses the name to a container is not who has it.
      if (await holder.isFree) throw nameInUse(name, holder.id);
    }
    const owner = this.#ownerOf(name, signal);
    const isFree = owner.then(
      (found) => found === undefined,
      () => false,
    );
    this.#reserved.set(name, { id, isFree });
    const reservation = new NameReservation(name, () => this.#reserved.delete(name));
    try {
      const found = await owner;
      if (found !== undefined) throw nameInUse(name, found);
      return reservation;
    } catch (error) {
      reservation[Symbol.dispose]();
      throw error;
    }
  }

  /** The id of the container that carries the name. */
  async #ownerOf(name: string, signal: AbortSignal): Promise<string | undefined> {
    const [owner] = await this.engine.containerd.containers.list([`labels."${NAME_LABEL}"=="${name}"`], { signal });
    return owner?.id;
  }
}

/** Who is being made under a name, and whether no container has it, which is being looked up. */
interface Reserved {
  readonly id: string;
  readonly isFree: Promise<boolean>;
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
