import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import type { OutputStream } from "./process-io.ts";

/** How much of each output a log holds: positions in the run's spool. */
export type LogPositions = Readonly<Record<OutputStream, number>>;

/** One write to a log file: bytes `size` to `size + length` of the file tell of the outputs from `before` to `after`. */
export interface LogWrite {
  readonly inode: number;
  readonly size: number;
  readonly length: number;
  readonly before: LogPositions;
  readonly after: LogPositions;
}

const FIELDS = 8;
const RECORD_BYTES = FIELDS * 8 + 4;
/** Two places, written in turn: a record that is torn leaves the one before it. */
const SLOT_BYTES = 128;

/**
 * Remembers which write to a log is under way, so that a supervisor that finds the log after another one was killed
 * knows which bytes of output it holds. A record is written before the write it tells of: the size of the log file then
 * says whether, and how far, that came about. It lies beside the run's spool, and ends with the run.
 *
 * It outlives a killed process, not a power failure, with which the run ends anyway; so it is never synced.
 */
export class LogJournal {
  readonly #fd: number;
  readonly #record = Buffer.alloc(RECORD_BYTES);
  #sequence: number;
  /** The write that was recorded last; undefined in a new journal. */
  #last: LogWrite | undefined;

  /** Begins the journal of a new run. */
  static create(path: string): LogJournal {
    return new LogJournal(path, constants.O_TRUNC);
  }

  /** Opens the journal of a run that goes on, or begins one. */
  static open(path: string): LogJournal {
    return new LogJournal(path, 0);
  }

  private constructor(path: string, flags: number) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | flags, 0o600);
    const records = [0, 1].map((slot) => this.#read(slot)).filter((record) => record !== undefined);
    const newest = records.sort((one, other) => other.sequence - one.sequence)[0];
    this.#sequence = newest?.sequence ?? 0;
    this.#last = newest?.write;
  }

  get last(): LogWrite | undefined {
    return this.#last;
  }

  /** Notes a write that is about to be made. */
  record(write: LogWrite): void {
    this.#sequence += 1;
    this.#last = write;
    const { inode, size, length, before, after } = write;
    const fields = [this.#sequence, inode, size, length, before.stdout, before.stderr, after.stdout, after.stderr];
    for (const [index, field] of fields.entries()) this.#record.writeDoubleLE(field, index * 8);
    this.#record.writeUInt32LE(checksum(this.#record), FIELDS * 8);
    writeSync(this.#fd, this.#record, 0, RECORD_BYTES, (this.#sequence % 2) * SLOT_BYTES);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #read(slot: number): { readonly sequence: number; readonly write: LogWrite } | undefined {
    const record = Buffer.alloc(RECORD_BYTES);
    if (readSync(this.#fd, record, 0, RECORD_BYTES, slot * SLOT_BYTES) < RECORD_BYTES) return undefined;
    if (record.readUInt32LE(FIELDS * 8) !== checksum(record)) return undefined;
    const field = (index: number) => record.readDoubleLE(index * 8);
    const write = {
      inode: field(1),
      size: field(2),
      length: field(3),
      before: { stdout: field(4), stderr: field(5) },
      after: { stdout: field(6), stderr: field(7) },
    };
    return { sequence: field(0), write };
  }
}

/** FNV-1a over the fields of a record. */
function checksum(record: Buffer): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < FIELDS * 8; index++) hash = Math.imul(hash ^ (record[index] as number), 0x01000193);
  return hash >>> 0;
}
