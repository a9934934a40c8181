import { mkdtemp, rm } from "node:fs/promises";
import http2, { type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Channel, wasCutOff } from "../../../src/containerd/channel.ts";

/** A gRPC server made of Node's HTTP/2, on a socket of its own, that answers with `respond`. */
async function startServer(
  respond: (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  settings: http2.Settings = {},
): Promise<AsyncDisposable & { readonly address: string; readonly server: Http2Server; endSessions(): void }> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-h2-"));
  const address = join(directory, "socket");
  const server = http2.createServer({ settings });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    respond(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(address, resolve));
  const endSessions = (): void => {
    for (const session of sessions) session.destroy();
  };
  return {
    address,
    server,
    endSessions,
    async [Symbol.asyncDispose]() {
      endSessions();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

function grpcMessage(content: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

/** Answers with the messages and a status, as a gRPC server does. */
function answer(
  stream: ServerHttp2Stream,
  messages: readonly Buffer[],
  trailers: http2.OutgoingHttpHeaders = {},
): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", ...trailers }));
  for (const message of messages) stream.write(grpcMessage(message));
  stream.end();
}

async function readAll(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("Channel", () => {
  it("sends a request with its headers, and takes the answer", async () => {
    const seen: Record<string, unknown> = {};
    await using server = await startServer(async (stream, headers) => {
      Object.assign(seen, headers);
      answer(stream, [await readAll(stream)]);
    });
    const channel = new Channel(server.address);
    const call = channel.open("/package.Service/Method", { "containerd-namespace": "default" }, {});
    await call.send(Buffer.from("ping "), [Buffer.from("and "), Buffer.from("pong")]);
    call.finish();

    expect((await call.receive())?.subarray(5).toString()).toBe("ping and pong");
    expect(await call.receive()).toBeUndefined();
    expect(seen).toMatchObject({
      ":method": "POST",
      ":path": "/package.Service/Method",
      "content-type": "application/grpc",
      te: "trailers",
      "containerd-namespace": "default",
    });
    channel.close();
  });

  it("reads every printable character in a status, however it was compressed", async () => {
    const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
      .join("")
      .trim();
    const texts = ["no such container: web", 'snapshot "a" läuft ☂', printable.replaceAll("%", ""), "x".repeat(9000)];
    for (const text of texts) {
      await using server = await startServer((stream) => {
        stream.resume();
        answer(stream, [], { "grpc-status": "5", "grpc-message": encodeURI(text).replaceAll("%22", '"') });
      });
      const channel = new Channel(server.address);
      const call = channel.open("/s/m", {}, {});
      call.finish();
      await expect(call.receive()).rejects.toMatchObject({ code: "not-found", message: text });
      channel.close();
    }
  });

  it("sends and receives more than any window or frame holds", async () => {
    const content = Buffer.alloc(20 * 1024 * 1024, "0123456789abcdef");
    await using server = await startServer(async (stream) => answer(stream, [await readAll(stream)]));
    const channel = new Channel(server.address);
    const call = channel.open("/s/m", {}, {});
    await call.send(new Uint8Array(), [content.subarray(0, 1_000_001), content.subarray(1_000_001)]);
    call.finish();
    const echoed = await call.receive();

    expect(echoed?.subarray(5).equals(content)).toBe(true);
    channel.close();
  });

  it("keeps within small windows and takes part in many calls at once", async () => {
    await using server = await startServer(async (stream) => answer(stream, [await readAll(stream)]), {
      initialWindowSize: 1000,
    });
    const channel = new Channel(server.address);
    const echoes = Array.from({ length: 50 }, async (_, index) => {
      const content = Buffer.alloc(20_000, `${index} `);
      const call = channel.open("/s/m", {}, {});
      await call.send(content);
      call.finish();
      return (await call.receive())?.subarray(5).equals(content);
    });

    expect(await Promise.all(echoes)).toEqual(Array(50).fill(true));
    channel.close();
  });

  it("holds a server up whose answers nobody reads, and goes on when somebody does", async () => {
    const message = Buffer.alloc(512 * 1024, "m");
    const count = 64;
    let written = 0;
    await using server = await startServer(async (stream, headers) => {
      if (headers[":path"] === "/s/echo") return answer(stream, [await readAll(stream)]);
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      for (; written < count; written++) {
        if (!stream.write(grpcMessage(message))) await new Promise((resolve) => stream.once("drain", resolve));
      }
      stream.end();
    });
    const channel = new Channel(server.address);
    const call = channel.open("/s/many", {}, {});
    call.finish();
    await call.receive();
    // Time enough for a server that is not held up: more goes to and fro on the same connection than it has to send.
    for (let round = 0; round < count; round++) {
      const echo = channel.open("/s/echo", {}, {});
      await echo.send(message);
      echo.finish();
      await echo.receive();
    }
    const writtenUnread = written;
    let received = 1;
    while (await call.receive()) received++;

    expect(writtenUnread).toBeLessThan(count / 2);
    expect(received).toBe(count);
    channel.close();
  });

  it("ends a call on the signal and after its time, and tells the server", async () => {
    let resets = 0;
    await using server = await startServer((stream) => {
      stream.resume();
      stream.once("aborted", () => resets++);
    });
    const channel = new Channel(server.address);
    const controller = new AbortController();
    const aborted = channel.open("/s/m", {}, { signal: controller.signal });
    const late = channel.open("/s/m", {}, { timeoutMs: 30 });
    const early = channel.open("/s/m", {}, { signal: AbortSignal.abort() });
    const answers = Promise.allSettled([aborted.receive(), late.receive(), early.receive()]);
    await expect(late.receive()).rejects.toMatchObject({ code: "deadline-exceeded" });
    controller.abort(new Error("no longer wanted"));

    expect(await answers).toMatchObject([
      { reason: { code: "canceled", cause: { message: "no longer wanted" } } },
      { reason: { code: "deadline-exceeded" } },
      { reason: { code: "canceled" } },
    ]);
    await expect.poll(() => resets).toBe(2);
    channel.close();
  });

  it("gives a status to whoever still sends", async () => {
    await using server = await startServer((stream) => {
      stream.respond({ ":status": 200, "grpc-status": "8", "grpc-message": "enough" }, { endStream: true });
    });
    const channel = new Channel(server.address);
    const call = channel.open("/s/m", {}, {});

    await expect(call.send(Buffer.alloc(10 * 1024 * 1024))).rejects.toMatchObject({ code: "resource-exhausted" });
    await expect(call.receive()).rejects.toMatchObject({ code: "resource-exhausted", message: "enough" });
    channel.close();
  });

  it("says which socket nobody answers on, and what to do", async () => {
    const call = new Channel("/nonexistent/containerd.sock").open("/s/m", {}, {});

    await expect(call.receive()).rejects.toMatchObject({
      code: "unavailable",
      message: "containerd is not running at /nonexistent/containerd.sock",
      hint: expect.stringContaining("systemctl start containerd"),
    });
    await expect(call.receive()).rejects.not.toSatisfy(wasCutOff);
  });

  it("fails the calls of a connection that breaks, and connects again for the next", async () => {
    await using server = await startServer(async (stream, headers) => {
      if (headers[":path"] === "/s/echo") answer(stream, [await readAll(stream)]);
    });
    const channel = new Channel(server.address);
    const waiting = channel.open("/s/wait", {}, {});
    const answered = waiting.receive();
    const echo = async (): Promise<string | undefined> => {
      const call = channel.open("/s/echo", {}, {});
      await call.send(Buffer.from("x"));
      call.finish();
      return (await call.receive())?.subarray(5).toString();
    };
    expect(await echo()).toBe("x");
    server.endSessions();

    await expect(answered).rejects.toMatchObject({ code: "unavailable", message: /lost the connection/ });
    expect(await echo()).toBe("x");
    channel.close();
  });

  it("waits for a server that was there before and is away, as it may be restarting", async () => {
    await using server = await startServer(async (stream) => answer(stream, [await readAll(stream)]));
    const channel = new Channel(server.address);
    const ask = async (text: string): Promise<string | undefined> => {
      const call = channel.open("/s/m", {}, {});
      await call.send(Buffer.from(text));
      call.finish();
      // Behind the question's own prefix, which is echoed with it.
      return (await call.receive())?.subarray(5).toString();
    };
    expect(await ask("before")).toBe("before");
    const cut = channel.open("/s/m", {}, {}).receive();
    server.endSessions();
    await expect(cut).rejects.toThrow("lost the connection");
    await expect(cut).rejects.toSatisfy(wasCutOff);
    await new Promise((resolve) => server.server.close(resolve));

    const answered = ask("while it is away");
    await new Promise<void>((resolve) => server.server.listen(server.address, resolve));

    expect(await answered).toBe("while it is away");
    channel.close();
  });

  it("finishes the calls that a server still answers when it shuts down", async () => {
    await using server = await startServer(async (stream) => {
      const content = await readAll(stream);
      stream.session?.goaway(0, stream.id);
      answer(stream, [content]);
    });
    const channel = new Channel(server.address);
    for (const text of ["first", "second"]) {
      const call = channel.open("/s/m", {}, {});
      await call.send(Buffer.from(text));
      call.finish();
      expect((await call.receive())?.subarray(5).toString()).toBe(text);
    }
    channel.close();
  });

  it("waits for a server that is busy as long as it gives signs of life", async () => {
    const patienceMs = 300;
    const signs = 3;
    let asked = 0;
    await using server = await startServer((stream) => {
      stream.resume();
      // The first settings are the connection's own; those that follow ask for a sign of life, ever more rarely.
      stream.session?.on("remoteSettings", () => {
        asked += 1;
        if (asked === signs) answer(stream, [Buffer.from("done")]);
      });
    });
    const channel = new Channel(server.address, patienceMs);
    const call = channel.open("/s/m", {}, {});
    call.finish();

    expect((await call.receive())?.toString()).toBe("done");
    expect(asked).toBe(signs);
    channel.close();
  });

  it("gives a server up that takes a call and says nothing more, and connects anew for the next", async () => {
    const directory = await mkdtemp(join(tmpdir(), "wharf-h2-"));
    const address = join(directory, "socket");
    let connections = 0;
    const silent = createServer((socket) => {
      connections += 1;
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(address, resolve));
    const channel = new Channel(address, 150);

    for (const expected of [1, 2]) {
      const call = channel.open("/s/m", {}, {});
      call.finish();
      await expect(call.receive()).rejects.toMatchObject({
        code: "deadline-exceeded",
        message: `containerd at ${address} does not answer`,
      });
      expect(connections).toBe(expected);
    }
    silent.close();
    await rm(directory, { recursive: true });
  });
});
