import { describe, expect, it } from "vitest";
import {
  FrameReader,
  FrameType,
  frame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../src/containerd/http2/frames.ts";

interface Seen {
  readonly frames: [type: number, flags: number, streamId: number, payload: string][];
  readonly data: Map<number, string>;
  readonly ends: [streamId: number, length: number, endStream: boolean][];
}

/** What a reader makes of bytes that arrive in chunks of the given size. */
function read(bytes: Buffer, chunkBytes: number): Seen {
  const seen: Seen = { frames: [], data: new Map(), ends: [] };
  const reader = new FrameReader({
    onFrame: (type, flags, streamId, payload) => seen.frames.push([type, flags, streamId, payload.toString("hex")]),
    onData: (streamId, piece) => seen.data.set(streamId, (seen.data.get(streamId) ?? "") + piece.toString()),
    onDataEnd: (streamId, length, endStream) => seen.ends.push([streamId, length, endStream]),
  });
  for (let start = 0; start < bytes.length; start += chunkBytes) reader.push(bytes.subarray(start, start + chunkBytes));
  return seen;
}

describe("FrameReader", () => {
  const stream = Buffer.concat([
    settingsFrame([[4, 65_536]]),
    frame(FrameType.SETTINGS, 1, 0, Buffer.alloc(0)),
    frame(FrameType.DATA, 0, 1, Buffer.from("hello ")),
    windowUpdateFrame(3, 100),
    frame(FrameType.DATA, 1, 1, Buffer.from("world")),
    frame(FrameType.DATA, 9, 3, Buffer.from("\u0003padded\0\0\0")),
    frame(FrameType.DATA, 1, 5, Buffer.alloc(0)),
  ]);

  it.each([1, 2, 7, 9, 10, 64, 1000])("reads the same frames from chunks of %i bytes", (chunkBytes) => {
    expect(read(stream, chunkBytes)).toEqual({
      frames: [
        [FrameType.SETTINGS, 0, 0, "000400010000"],
        [FrameType.SETTINGS, 1, 0, ""],
        [FrameType.WINDOW_UPDATE, 0, 3, "00000064"],
      ],
      data: new Map([
        [1, "hello world"],
        [3, "padded"],
      ]),
      ends: [
        [1, 6, false],
        [1, 5, true],
        [3, 10, true],
        [5, 0, true],
      ],
    });
  });
});
