import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "./images.ts";

/**
 * A registry that takes uploads as the distribution specification has them gone on with: it keeps what arrived before a
 * connection was cut, and says how much that is. (docker-registry forgets the whole upload.) It cuts connections on order.
 */
export class ResumingRegistry implements AsyncDisposable {
  /** `PATCH 0-999`: the methods of uploads, with the range that they brought. */
  readonly requests: string[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  /** After how many bytes of a PATCH its connection is cut, once for each entry. */
  cuts: number[] = [];
  private readonly uploads = new Map<string, Buffer>();
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      // A connection that was cut has nobody to answer to.
      this.answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<ResumingRegistry> {
    const registry = new ResumingRegistry();
    await new Promise<void>((resolve) => registry.server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "", `http://${this.host}`);
    const [kind = "", name = ""] = url.pathname.split("/").slice(-2);
    const end = (status: number, more: Record<string, string> = {}) => response.writeHead(status, more).end();
    if (kind === "blobs" && method === "HEAD") return void end(this.blobs.has(name) ? 200 : 404);
    if (kind === "manifests" && method === "PUT") {
      this.manifests.set(name, await bodyOf(request));
      return void end(201);
    }
    if (kind !== "blobs" && kind !== "uploads") return void end(404);
    const id = method === "POST" ? String(this.uploads.size) : name;
    const location = url.pathname.replace(/uploads\/.*/, `uploads/${id}`);
    const before = this.uploads.get(id) ?? Buffer.alloc(0);
    const { "content-range": range = "whole" } = headers;
    this.requests.push(method === "PATCH" ? `${method} ${range}` : method);
    if (method === "POST") this.uploads.set(id, before);
    if (method === "PATCH") {
      const start = /^(\d+)-/.exec(String(range))?.[1] ?? "0";
      if (Number(start) !== before.length) return void end(416, { location, range: `0-${before.length - 1}` });
      await this.receive(id, request);
    }
    const now = this.uploads.get(id) ?? Buffer.alloc(0);
    if (method === "PUT") {
      const bytes = Buffer.concat([now, await bodyOf(request)]);
      const digest = url.searchParams.get("digest") ?? "";
      if (digestOf(bytes) !== digest) return void end(400);
      this.blobs.set(digest, bytes);
      return void end(201);
    }
    end(method === "GET" ? 204 : 202, { location, range: `0-${Math.max(now.length - 1, 0)}` });
  }

  /** Keeps what arrives, all of it or what comes before the cut. */
  private async receive(id: string, request: IncomingMessage): Promise<void> {
    const cut = this.cuts.shift() ?? Number.POSITIVE_INFINITY;
    let received = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const piece = chunk.subarray(0, cut - received);
      received += piece.length;
      this.uploads.set(id, Buffer.concat([this.uploads.get(id) ?? Buffer.alloc(0), piece]));
      if (received < cut) continue;
      request.destroy();
      throw new Error("cut");
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
