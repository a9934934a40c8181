import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DescriptorLimit } from "./descriptor-limit.ts";
import { FifoPool } from "./fifo.ts";
import { FifoKeeper } from "./fifo-keeper.ts";
import { Libc } from "./libc.ts";
import { type OutputLog, ProcessIo, type ProcessIoOptions } from "./process-io.ts";

export type StdioOptions = Omit<ProcessIoOptions, "fifos" | "libc">;

/** The stdio of all processes of one supervisor: makes it, adopts it, and sees to what must outlive the supervisor. */
export class Stdio {
  readonly #fifos: FifoPool;
  readonly #keeper: FifoKeeper;
  readonly #libc = Libc.load();
  readonly #descriptors = new DescriptorLimit();
  readonly #open = new Set<ProcessIo>();

  /**
   * `runDir` lies on the file system of all the directories that are opened, and is emptied by a reboot. `onDefect` is told
   * of what goes wrong and stops nobody.
   */
  constructor(runDir: string, { onDefect }: { readonly onDefect: (error: unknown) => void }) {
    mkdirSync(runDir, { recursive: true, mode: 0o700 });
    this.#fifos = new FifoPool(join(runDir, "fifos"));
    this.#keeper = new FifoKeeper({
      pidFile: join(runDir, "keeper.pid"),
      libc: this.#libc,
      descriptors: () => [...this.#open].filter((io) => io.isKept).flatMap((io) => io.outputDescriptors),
      onDefect,
    });
  }

  /** True when no output can be lost with this process; see `Output`. */
  get isDurable(): boolean {
    return this.#libc !== undefined;
  }

  /** Makes FIFOs ahead of the first process that needs them. */
  async warm(): Promise<void> {
    await this.#fifos.warm();
  }

  /** See `ProcessIo.create`. After a failure the log is closed. @throws EngineError `resource-exhausted`. */
  async create(options: StdioOptions): Promise<ProcessIo> {
    let log: OutputLog | undefined;
    const openLog = () => {
      log = options.openLog?.();
      return log;
    };
    try {
      this.#descriptors.check();
      return this.#remember(await ProcessIo.create({ ...options, openLog, fifos: this.#fifos, libc: this.#libc }));
    } catch (error) {
      await log?.close();
      throw error;
    }
  }

  /** See `ProcessIo.adopt`. */
  adopt(options: StdioOptions): ProcessIo | undefined {
    const io = ProcessIo.adopt({ ...options, libc: this.#libc });
    return io && this.#remember(io);
  }

  /** To be called when `adopt` has been called for every process that an earlier supervisor left. */
  async adoptedAll(): Promise<void> {
    await this.#keeper.adoptedAll();
  }

  /** See `ProcessIo.retire`. */
  retire(): void {
    for (const io of this.#open) io.retire();
  }

  /** Lets go of every process's FIFOs, which stay for the next supervisor. */
  async release(): Promise<void> {
    this.#keeper.release();
    await Promise.all([...this.#open].map((io) => io.release()));
    await this.#fifos.close();
  }

  /** True while the FIFOs of that directory are this supervisor's to read and to remove. */
  isOpen(directory: string): boolean {
    return [...this.#open].some((io) => io.directory === directory);
  }

  /** The process that keeps what is unread for the next supervisor; undefined while there is none. */
  get keeperPid(): number | undefined {
    return this.#keeper.pid;
  }

  /** Lets the keeper follow what has been opened and closed, now and not in a moment. */
  settle(): void {
    this.#keeper.settle();
  }

  /** What every keeper of this run root has in its command line. */
  get keeperFile(): string {
    return this.#keeper.pidFile;
  }

  #remember(io: ProcessIo): ProcessIo {
    this.#open.add(io);
    if (io.isKept) this.#keeper.add(io.outputDescriptors);
    void io.closed.then(() => {
      // The FIFOs outlive a released one, and so must their keeper.
      this.#open.delete(io);
      if (io.isKept && !io.released) this.#keeper.removed();
    });
    return io;
  }
}
