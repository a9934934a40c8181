import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { LogPositions } from "../../stdio/log-journal.ts";
import type { Attachment, Viewer } from "../../stdio/viewer.ts";
import { DetachableInput } from "./input-channel.ts";
import { OutputChannel } from "./output-channel.ts";

export interface AttachmentOptions {
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The client's end of input is the process's. */
  readonly endsStdin: boolean;
  /** See `Viewer.essential`. */
  readonly essential: boolean;
  /** A client that comes to the next supervisor when this one is gone; see `Viewer.client`. */
  readonly client?: { readonly key: string; readonly has: LogPositions | undefined } | undefined;
  /** The bytes by which a terminal's user leaves. */
  readonly detachKeys: Uint8Array;
}

/**
 * Ties a hijacked connection to a process: what comes in is its input, its output goes out. The connection ends with
 * the output, or when the client types its detach keys; a client that goes away leaves the process to itself.
 */
export function attachConnection(
  socket: Socket,
  options: AttachmentOptions,
  attach: (viewer: Viewer) => Attachment,
): Attachment {
  const channel = new OutputChannel(socket, { raw: options.terminal });
  let attachment: Attachment | undefined;
  const detach = () => {
    attachment?.detach();
    channel.end();
  };
  const stdin = options.stdin ? inputOf(socket, options, detach) : undefined;
  attachment = attach({
    stdin,
    endsStdin: options.endsStdin,
    stdout: options.stdout,
    stderr: options.stderr,
    essential: options.essential,
    client: options.client && { ...options.client, gone: new Promise((resolve) => socket.once("close", resolve)) },
    onOutput: (stream, chunk) => channel.send(stream, chunk),
    onEnd: () => channel.end(),
  });
  socket.once("close", () => attachment?.detach());
  // Without an input the connection is read all the same: only so its end is seen.
  if (!options.stdin) socket.resume();
  return attachment;
}

function inputOf(socket: Socket, options: AttachmentOptions, onDetach: () => void): Readable {
  if (!options.terminal) return socket;
  const input = new DetachableInput({ keys: options.detachKeys, onDetach });
  socket.once("close", () => input.end());
  return socket.pipe(input);
}
