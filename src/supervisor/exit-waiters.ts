import { Deferred } from "./deferred.ts";

/** How a container's process ended. */
export interface TaskExit {
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAt: string;
  /** Nobody saw it: the time and the status are made up. */
  readonly unseen?: boolean;
}

/** What somebody who waits for a container is told. */
export interface ContainerExit {
  readonly exitCode: number;
  readonly error: string;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** Those who wait for the end of a container's present run, or of the container. */
export class ExitWaiters {
  #exit = new Deferred<ContainerExit>();
  readonly #removal = new Deferred<ContainerExit>();

  /** Settles at the end of the present run; between runs, of the next one. */
  get exit(): Promise<ContainerExit> {
    return this.#exit.promise;
  }

  /** Settles when the container is gone. */
  get removal(): Promise<ContainerExit> {
    return this.#removal.promise;
  }

  /** A run is over. */
  tellExit(exit: ContainerExit): void {
    const exited = this.#exit;
    this.#exit = new Deferred();
    exited.resolve(exit);
  }

  /** The container is gone: there will be no other exit. */
  tellRemoval(exit: ContainerExit): void {
    this.#exit.resolve(exit);
    this.#removal.resolve(exit);
  }
}
