import { FrameReader as AttachFrameReader, frameHeader } from "../../../src/api/frames.ts";
import { ContainersDefinition } from "../../../src/containerd/generated/containerd/services/containers/v1/containers.ts";
import { ContentDefinition } from "../../../src/containerd/generated/containerd/services/content/v1/content.ts";
import { EventsDefinition } from "../../../src/containerd/generated/containerd/services/events/v1/events.ts";
import { ImagesDefinition } from "../../../src/containerd/generated/containerd/services/images/v1/images.ts";
import { SnapshotsDefinition } from "../../../src/containerd/generated/containerd/services/snapshots/v1/snapshots.ts";
import { TasksDefinition } from "../../../src/containerd/generated/containerd/services/tasks/v1/tasks.ts";
import { FrameReader, frame, headerBlock } from "../../../src/containerd/http2/frames.ts";
import { decodeHeaders, encodeHeaders } from "../../../src/containerd/http2/hpack.ts";
import { decodeHuffman } from "../../../src/containerd/http2/huffman.ts";
import { mutatedBytes } from "../mutate.ts";
import { bytesTarget, expectThat, type Target } from "../target.ts";

const DEFINITIONS = [
  ContainersDefinition,
  ContentDefinition,
  EventsDefinition,
  ImagesDefinition,
  SnapshotsDefinition,
  TasksDefinition,
];
const DECODERS = [
  ...new Set(DEFINITIONS.flatMap(({ methods }) => Object.values(methods).map(({ responseType }) => responseType))),
];

const isRangeError = (error: unknown) => error instanceof RangeError;
/** How the protobuf reader says that a message is cut off, or has a wire type that does not exist. */
const isDecodeError = (error: unknown) =>
  error instanceof Error &&
  /^(?:index out of range|premature EOF|invalid |cant skip|can't skip|illegal|Value is)/i.test(error.message);

const HEADERS = encodeHeaders([
  [":status", "200"],
  ["content-type", "application/grpc"],
  ["grpc-status", "0"],
  ["grpc-message", "a b"],
]);

const MESSAGES = [
  Buffer.from("0a160a0361626312060a016112016222076e616d653a7631", "hex"),
  Buffer.from("0a0b089a0110ffffffff0f18052001", "hex"),
  Buffer.from("1202080a22040a026869", "hex"),
];

/** What containerd's socket and the supervisor's carry. */
export const WIRE_TARGETS: readonly Target[] = [
  bytesTarget(
    "HPACK",
    {
      seeds: [
        HEADERS,
        Buffer.from("828684418cf1e3c2e5f23a6ba0ab90f4ff", "hex"),
        Buffer.from("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "hex"),
      ],
      allows: isRangeError,
    },
    (bytes) => {
      const headers = decodeHeaders(bytes);
      for (const [name, value] of headers) expectThat(typeof name === "string" && typeof value === "string", "header");
      if ([...headers].every(([name, value]) => /^[\x20-\x7e]*$/.test(name + value) && name !== "")) {
        const again = decodeHeaders(encodeHeaders([...headers]));
        expectThat(JSON.stringify([...again]) === JSON.stringify([...headers]), "headers read otherwise");
      }
    },
  ),
  bytesTarget(
    "Huffman",
    { seeds: [Buffer.from("f1e3c2e5f23a6ba0ab90f4ff", "hex"), Buffer.from("aec3771a4b", "hex")], allows: isRangeError },
    (bytes) => {
      expectThat(decodeHuffman(bytes).length <= (bytes.length * 8) / 5 + 1, "longer than any code");
    },
  ),
  bytesTarget(
    "HTTP/2 frames",
    {
      seeds: [
        Buffer.concat([
          frame(4, 0, 0, Buffer.alloc(6)),
          frame(1, 4, 1, HEADERS),
          frame(0, 1, 1, Buffer.from("payload")),
        ]),
        frame(0, 9, 3, Buffer.from("\x03padded\0\0\0")),
        frame(1, 0x2c, 5, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), HEADERS, Buffer.alloc(2)])),
      ],
    },
    (bytes) => {
      const whole = framesOf([bytes]);
      const cut = framesOf(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)));
      expectThat(whole === cut, "frames depend on how they arrive");
    },
  ),
  {
    name: "protobuf",
    // One kind of message for each input: what reads them is the same for all.
    generate: (random) => ({ kind: random.below(DECODERS.length), bytes: mutatedBytes(random, MESSAGES) }),
    run: ({ kind, bytes }: { readonly kind: number; readonly bytes: Buffer }) => {
      DECODERS[kind]?.decode(bytes);
    },
    allows: isDecodeError,
  },
  bytesTarget(
    "attach frames",
    {
      seeds: [
        Buffer.concat([
          frameHeader("stdout", 5),
          Buffer.from("hello"),
          frameHeader("stderr", 0),
          frameHeader("stdin", 1),
          Buffer.from("x"),
        ]),
      ],
    },
    (bytes) => {
      let size = 0;
      const reader = new AttachFrameReader((stream, chunk) => {
        expectThat(["stdin", "stdout", "stderr", "error"].includes(stream), "stream");
        size += chunk.length;
      });
      for (let at = 0; at < bytes.length; at += 3) reader.push(bytes.subarray(at, at + 3));
      expectThat(size <= bytes.length, "more than there was");
    },
  ),
];

/** What a reader makes of bytes that arrive in these pieces. */
function framesOf(pieces: readonly Buffer[]): string {
  const seen: string[] = [];
  let data: Buffer[] = [];
  const reader = new FrameReader({
    onFrame: (type, flags, streamId, payload) => {
      headerBlock(flags, payload);
      seen.push(`${type} ${flags} ${streamId} ${payload.toString("hex")}`);
    },
    onData: (_, piece) => data.push(piece),
    onDataEnd: (streamId, length, endStream) => {
      seen.push(`data ${streamId} ${length} ${endStream} ${Buffer.concat(data).toString("hex")}`);
      data = [];
    },
  });
  for (const piece of pieces) reader.push(piece);
  return seen.join("\n");
}
