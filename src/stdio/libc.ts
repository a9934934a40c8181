import { isBuiltin } from "node:module";
import { constants } from "node:os";

/** What is used of `node:ffi`, which Node has from version 26 on; its types are not in ours yet. */
interface Ffi {
  readonly DynamicLibrary: new (path: string | null) => FfiLibrary;
  getCurrentEventLoop(): bigint;
  getRawPointer(source: Uint8Array): bigint;
  getInt32(pointer: bigint): number;
}

interface FfiLibrary {
  getFunction(name: string, signature: FfiSignature): (...args: (number | bigint)[]) => number | bigint;
  registerCallback(signature: FfiSignature, callback: (...args: (number | bigint)[]) => void): bigint;
}

interface FfiSignature {
  readonly arguments: readonly string[];
  readonly return: string;
}

/** Tells when a descriptor has something to read, without reading it. */
export interface ReadableWatch {
  start(): void;
  stop(): void;
  /** Ends the watch for good; the descriptor may be closed then. */
  close(): void;
}

/** What `splice` found: so many bytes, nothing at the moment, or the end. */
export type Spliced = number | "empty" | "end";

const { EAGAIN, EINTR } = constants.errno;
const SPLICE_F_NONBLOCK = 2;
const F_SETPIPE_SZ = 1031;
/** As much as a FIFO can be made to hold. */
const SPLICE_BYTES = 1024 * 1024;
const UV_POLL = 8;
const UV_READABLE = 1;
const SCM_RIGHTS = 1;
const SOL_SOCKET = 1;
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** sizeof(struct cmsghdr) and of struct msghdr on 64-bit Linux. */
const CMSG_HEADER_BYTES = 16;
const MSGHDR_BYTES = 56;
/** The kernel's own limit for one message. */
export const MOST_DESCRIPTORS = 253;

type Native = Record<keyof typeof SIGNATURES, (...args: (number | bigint)[]) => number | bigint>;

const SIGNATURES = {
  // Of its variable arguments, the one that is needed here is passed as any other.
  fcntl: { arguments: ["i32", "i32", "i32"], return: "i32" },
  splice: { arguments: ["i32", "pointer", "i32", "pointer", "u64", "u32"], return: "i32" },
  socketpair: { arguments: ["i32", "i32", "i32", "pointer"], return: "i32" },
  sendmsg: { arguments: ["i32", "pointer", "i32"], return: "i32" },
  recvmsg: { arguments: ["i32", "pointer", "i32"], return: "i32" },
  uv_handle_size: { arguments: ["i32"], return: "u64" },
  uv_poll_init: { arguments: ["pointer", "pointer", "i32"], return: "i32" },
  uv_poll_start: { arguments: ["pointer", "i32", "pointer"], return: "i32" },
  uv_poll_stop: { arguments: ["pointer"], return: "i32" },
  uv_close: { arguments: ["pointer", "pointer"], return: "void" },
  __errno_location: { arguments: [], return: "pointer" },
} as const satisfies Record<string, FfiSignature>;

/** Whether this Node can make the calls; without them output goes through its memory, and a kill may take some along. */
export function hasFfi(): boolean {
  // To load it would have Node say on stderr that it is experimental.
  return isBuiltin("node:ffi");
}

/**
 * The few calls of the C library and of libuv that Node has no function for, made through `node:ffi`. To be called on
 * the main thread alone, on which it was made.
 */
export class Libc {
  readonly #ffi: Ffi;
  /** Never collected while callbacks of it may be called. */
  readonly #library: FfiLibrary;
  readonly #native: Native;
  readonly #errno: bigint;
  readonly #offset = Buffer.allocUnsafeSlow(8);
  readonly #offsetPointer: bigint;
  /** Watches by the address of their handle: libuv's memory until it says that they are closed. */
  readonly #watches = new Map<bigint, { readonly handle: Buffer; readonly onReadable: () => void }>();
  readonly #onPoll: bigint;
  readonly #onClosed: bigint;
  readonly #ready = new Set<() => void>();

  /** undefined where Node has no `node:ffi`, or has it without what is needed. */
  static load(): Libc | undefined {
    try {
      const ffi = process.getBuiltinModule?.("node:ffi") as unknown as Ffi | undefined;
      return ffi && new Libc(ffi);
    } catch {
      return undefined;
    }
  }

  private constructor(ffi: Ffi) {
    this.#ffi = ffi;
    this.#library = new ffi.DynamicLibrary(null);
    const functions = Object.entries(SIGNATURES).map(([name, signature]) => [
      name,
      this.#library.getFunction(name, signature),
    ]);
    this.#native = Object.fromEntries(functions) as Native;
    this.#errno = this.#native.__errno_location() as bigint;
    this.#offsetPointer = ffi.getRawPointer(this.#offset);
    this.#onPoll = this.#library.registerCallback({ arguments: ["pointer", "i32", "i32"], return: "void" }, (handle) =>
      this.#wake(this.#watches.get(handle as bigint)?.onReadable),
    );
    this.#onClosed = this.#library.registerCallback({ arguments: ["pointer"], return: "void" }, (handle) => {
      this.#watches.delete(handle as bigint);
    });
  }

  /**
   * Moves what a FIFO holds into a file at an offset. It happens inside the kernel: a process that is killed has moved a
   * byte or has not, and never holds it itself. The file must not be open for appending.
   *
   * @throws Error with the `errno` of a file that takes no more, such as ENOSPC; nothing has been moved then.
   */
  splice(fifo: number, file: number, offset: number): Spliced {
    this.#offset.writeBigInt64LE(BigInt(offset));
    const moved = this.#native.splice(
      fifo,
      0n,
      file,
      this.#offsetPointer,
      BigInt(SPLICE_BYTES),
      SPLICE_F_NONBLOCK,
    ) as number;
    if (moved > 0) return moved;
    if (moved === 0) return "end";
    const errno = this.#ffi.getInt32(this.#errno);
    if (errno === EAGAIN || errno === EINTR) return "empty";
    throw Object.assign(new Error(`splice: errno ${errno}`), { errno });
  }

  /** Lets a FIFO hold up to so many bytes; one whose size the kernel will not change stays as it is. */
  setPipeSize(fifo: number, bytes: number): void {
    this.#native.fcntl(fifo, F_SETPIPE_SZ, bytes);
  }

  /** Calls `onReadable` while `fd`, which must be non-blocking, has something to read or has ended; not started yet. */
  watch(fd: number, onReadable: () => void): ReadableWatch {
    const handle = Buffer.allocUnsafeSlow(Number(this.#native.uv_handle_size(UV_POLL)));
    const pointer = this.#ffi.getRawPointer(handle);
    const { uv_poll_init, uv_poll_start, uv_poll_stop, uv_close } = this.#native;
    const status = uv_poll_init(this.#ffi.getCurrentEventLoop(), pointer, fd) as number;
    if (status !== 0) throw new Error(`uv_poll_init: ${status}`);
    this.#watches.set(pointer, { handle, onReadable });
    let closed = false;
    return {
      start: () => void (closed || uv_poll_start(pointer, UV_READABLE, this.#onPoll)),
      stop: () => void (closed || uv_poll_stop(pointer)),
      close: () => {
        if (closed) return;
        closed = true;
        this.#ready.delete(onReadable);
        uv_close(pointer, this.#onClosed);
      },
    };
  }

  /** Two unix sockets, tied to each other, that keep messages apart. */
  socketPair(): [number, number] {
    const pair = Buffer.alloc(8);
    const type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    if (this.#native.socketpair(AF_UNIX, type, 0, this.#ffi.getRawPointer(pair)) !== 0)
      throw this.#failure("socketpair");
    return [pair.readInt32LE(0), pair.readInt32LE(4)];
  }

  /** Sends open files, `MOST_DESCRIPTORS` at most, along a unix socket: they stay open at the other end. */
  sendDescriptors(socket: number, descriptors: readonly number[]): void {
    const message = this.#message(descriptors.length);
    message.control.writeBigUInt64LE(BigInt(CMSG_HEADER_BYTES + 4 * descriptors.length), 0);
    message.control.writeInt32LE(SOL_SOCKET, 8);
    message.control.writeInt32LE(SCM_RIGHTS, 12);
    for (const [index, fd] of descriptors.entries()) message.control.writeInt32LE(fd, CMSG_HEADER_BYTES + 4 * index);
    if ((this.#native.sendmsg(socket, message.pointer, 0) as number) < 0) throw this.#failure("sendmsg");
  }

  /** Takes the next message with open files out of a unix socket; undefined when there is none. */
  receiveDescriptors(socket: number): number[] | undefined {
    const message = this.#message(MOST_DESCRIPTORS);
    if ((this.#native.recvmsg(socket, message.pointer, MSG_CMSG_CLOEXEC) as number) <= 0) return undefined;
    // The kernel has put the length of the control data in the place of the room for it.
    const filled = Number(message.header.readBigUInt64LE(40));
    const count = filled < CMSG_HEADER_BYTES ? 0 : Number(message.control.readBigUInt64LE(0)) - CMSG_HEADER_BYTES;
    return Array.from({ length: count / 4 }, (_, index) => message.control.readInt32LE(CMSG_HEADER_BYTES + 4 * index));
  }

  /** A struct msghdr for one byte and so many descriptors. */
  #message(descriptors: number): { header: Buffer; control: Buffer; pointer: bigint; parts: Buffer[] } {
    const payload = Buffer.allocUnsafeSlow(1);
    const vector = Buffer.allocUnsafeSlow(16);
    vector.writeBigUInt64LE(this.#ffi.getRawPointer(payload), 0);
    vector.writeBigUInt64LE(1n, 8);
    const control = Buffer.alloc(CMSG_HEADER_BYTES + Math.ceil((4 * descriptors) / 8) * 8);
    const header = Buffer.alloc(MSGHDR_BYTES);
    header.writeBigUInt64LE(this.#ffi.getRawPointer(vector), 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(this.#ffi.getRawPointer(control), 32);
    header.writeBigUInt64LE(BigInt(control.length), 40);
    return { header, control, pointer: this.#ffi.getRawPointer(header), parts: [payload, vector] };
  }

  /** A callback from native code has no place for promises to settle in; so the work is done in Node's next phase. */
  #wake(onReadable: (() => void) | undefined): void {
    if (onReadable === undefined) return;
    if (this.#ready.size === 0) setImmediate(() => this.#runReady());
    this.#ready.add(onReadable);
  }

  #runReady(): void {
    const ready = [...this.#ready];
    this.#ready.clear();
    for (const onReadable of ready) onReadable();
  }

  #failure(call: string): Error {
    const errno = this.#ffi.getInt32(this.#errno);
    return Object.assign(new Error(`${call}: errno ${errno}`), { errno });
  }
}
