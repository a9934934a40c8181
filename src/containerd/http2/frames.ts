// Frames of HTTP/2, RFC 9113 sections 4 and 6.

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = { ACK: 0x01, END_STREAM: 0x01, END_HEADERS: 0x04, PADDED: 0x08, PRIORITY: 0x20 } as const;

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
} as const;

/** Reasons of RST_STREAM and GOAWAY that we give or understand. */
export const ResetReason = { NO_ERROR: 0, PROTOCOL_ERROR: 1, CANCEL: 8 } as const;

/** The largest payload that a peer takes unless its settings say more. */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;
/** What may be sent before the first WINDOW_UPDATE, on a connection and, unless settings say otherwise, a stream. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const LARGEST_WINDOW_BYTES = 2 ** 31 - 1;
export const CONNECTION_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const HEAD_BYTES = 9;

/** The nine bytes before a payload. */
export function frameHead(type: number, flags: number, streamId: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return head;
}

/** A whole frame. For payloads that are small; DATA is written without being copied. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHead(type, flags, streamId, payload.length), payload]);
}

export function settingsFrame(settings: readonly (readonly [setting: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([setting, value], index) => {
    payload.writeUInt16BE(setting, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame(FrameType.SETTINGS, 0, 0, payload);
}

export function windowUpdateFrame(streamId: number, bytes: number): Buffer {
  return frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(bytes));
}

export function resetFrame(streamId: number, reason: number): Buffer {
  return frame(FrameType.RST_STREAM, 0, streamId, uint32(reason));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Who reads frames: payloads of DATA come in pieces, as they arrive; all other frames come whole. */
export interface FrameListener {
  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void;
  onData(streamId: number, piece: Buffer): void;
  /** The DATA frame is complete; `length` counts what flow control counts. */
  onDataEnd(streamId: number, length: number, endStream: boolean): void;
}

/** Cuts what arrives into frames, whatever way it was cut before. DATA is not copied. */
export class FrameReader {
  private head = Buffer.alloc(HEAD_BYTES);
  private headFilled = 0;
  private payload: Buffer[] = [];
  private missing = 0;

  constructor(private readonly listener: FrameListener) {}

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.headFilled < HEAD_BYTES) {
        const taken = rest.copy(this.head, this.headFilled, 0, HEAD_BYTES - this.headFilled);
        this.headFilled += taken;
        rest = rest.subarray(taken);
        if (this.headFilled < HEAD_BYTES) return;
        this.missing = this.length;
      } else {
        const piece = rest.subarray(0, this.missing);
        rest = rest.subarray(piece.length);
        this.missing -= piece.length;
        if (this.isPlainData) this.listener.onData(this.streamId, piece);
        else this.payload.push(piece);
      }
      if (this.missing === 0) this.finishFrame();
    }
  }

  private finishFrame(): void {
    const { streamId, length, payload } = this;
    const type = this.head.readUInt8(3);
    const flags = this.head.readUInt8(4);
    const whole = payload.length === 1 ? (payload[0] as Buffer) : Buffer.concat(payload);
    this.payload = [];
    this.headFilled = 0;
    if (type !== FrameType.DATA) {
      this.listener.onFrame(type, flags, streamId, whole);
      return;
    }
    if (flags & Flag.PADDED) this.listener.onData(streamId, withoutPadding(whole));
    this.listener.onDataEnd(streamId, length, (flags & Flag.END_STREAM) !== 0);
  }

  private get length(): number {
    return this.head.readUIntBE(0, 3);
  }

  private get streamId(): number {
    return this.head.readUInt32BE(5) & 0x7fff_ffff;
  }

  private get isPlainData(): boolean {
    return this.head.readUInt8(3) === FrameType.DATA && (this.head.readUInt8(4) & Flag.PADDED) === 0;
  }
}

/** A payload without its padding: the first byte says how long that is. */
export function withoutPadding(payload: Buffer): Buffer {
  const padding = payload[0] ?? 0;
  return payload.subarray(1, Math.max(1, payload.length - padding));
}

/** The header block of a HEADERS frame, without padding and priority. */
export function headerBlock(flags: number, payload: Buffer): Buffer {
  const unpadded = flags & Flag.PADDED ? withoutPadding(payload) : payload;
  return flags & Flag.PRIORITY ? unpadded.subarray(5) : unpadded;
}
