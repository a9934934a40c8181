import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { systemMessage } from "./flags/key-value-files.ts";

/**
 * A `--cidfile`: claimed before the container is made, so that nobody loses an id; gone again on disposal unless one
 * was written.
 */
export class IdFile implements Disposable {
  private descriptor: number | undefined;

  private constructor(
    private readonly path: string,
    descriptor: number,
  ) {
    this.descriptor = descriptor;
  }

  /**
   * @throws EngineError `already-exists` when there is such a file: it may be the only trace of a running container.
   */
  static claim(path: string): IdFile {
    try {
      return new IdFile(path, openSync(path, "wx", 0o644));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") {
        const advice = `make sure the other container isn't running or delete ${path}`;
        throw new EngineError("already-exists", `container ID file found, ${advice}`);
      }
      const reason = `open ${path}: ${systemMessage(error)}`;
      throw new EngineError("invalid-argument", `failed to create the container ID file: ${reason}`, { cause: error });
    }
  }

  write(id: string): void {
    if (this.descriptor === undefined) return;
    writeSync(this.descriptor, id);
    closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  [Symbol.dispose](): void {
    if (this.descriptor === undefined) return;
    closeSync(this.descriptor);
    rmSync(this.path, { force: true });
  }
}
