import { closeSync, constants, lstatSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

/**
 * The FIFOs of a process whose supervisor is gone, maybe since before the process was started. To open a FIFO is to wait
 * for its other end, and a shim that waits answers nobody: so both ends of each are held open from here, which waits for
 * nothing. What the process writes is read and dropped; its input stays open until `endInput`.
 */
export class LeftoverFifos {
  readonly #directory: string;
  readonly #outputs: Socket[];
  #input: number | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#input = openBothEnds(join(directory, "stdin"));
    this.#outputs = ["stdout", "stderr"].flatMap((name) => {
      const fd = openBothEnds(join(directory, name));
      if (fd === undefined) return [];
      const socket = new Socket({ fd, readable: true, writable: false });
      socket.on("error", () => socket.destroy());
      return [socket.resume()];
    });
  }

  /** Lets go of the process's input: it ends, once the shim has closed its own end. */
  endInput(): void {
    if (this.#input !== undefined) closeSync(this.#input);
    this.#input = undefined;
  }

  /** Lets go of all, and removes the directory. */
  remove(): void {
    this.endInput();
    for (const socket of this.#outputs) socket.destroy();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function openBothEnds(path: string): number | undefined {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return undefined;
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}
