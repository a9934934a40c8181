import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestImage } from "../support/images.ts";

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers a request itself and returns true, or leaves it to the registry. */
export type Interception = (
  request: RecordedRequest,
  response: ServerResponse,
) => boolean | undefined | Promise<boolean | undefined>;

/**
 * A registry in this process that serves one image as `app:latest`, remembers what it was asked, and can be made to
 * misbehave.
 */
export class LocalRegistry implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  intercept: Interception = () => false;

  static async start(image: TestImage): Promise<LocalRegistry> {
    const registry = new LocalRegistry(image);
    await new Promise<void>((resolve) => registry.server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  private readonly server = createServer(async (request, response) => {
    const recorded = await record(request);
    this.requests.push(recorded);
    if (!(await this.intercept(recorded, response))) this.answer(recorded, response);
  });

  private constructor(private readonly image: TestImage) {}

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get reference(): string {
    return `${this.host}/app:latest`;
  }

  /** Methods and paths, in order. */
  get log(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer({ method, path, headers }: RecordedRequest, response: ServerResponse): void {
    const [, kind, name = ""] = /^\/v2\/app\/(manifests|blobs)\/([^?]+)/.exec(path) ?? [];
    const manifest = this.image.manifests.find(({ descriptor }) =>
      name === "latest"
        ? descriptor === this.image.target || descriptor.digest === this.image.target.digest
        : descriptor.digest === name,
    );
    if (kind === "manifests" && manifest) {
      response.setHeader("content-type", manifest.descriptor.mediaType);
      response.setHeader("docker-content-digest", manifest.descriptor.digest);
      response.setHeader("content-length", manifest.bytes.length);
      response.end(method === "HEAD" ? undefined : manifest.bytes);
      return;
    }
    const blob = kind === "blobs" ? this.image.blobs.get(name) : undefined;
    if (blob) {
      sendBlob(blob, headers.range, response);
      return;
    }
    fail(response, 404, kind === "blobs" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN");
  }
}

/** Answers as the distribution specification has it. */
export function fail(response: ServerResponse, status: number, code: string, message = "told so"): void {
  response.writeHead(status, { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

function sendBlob(blob: Buffer, range: string | undefined, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  if (start > 0) {
    response.writeHead(206, { "content-range": `bytes ${start}-${blob.length - 1}/${blob.length}` });
  }
  response.end(blob.subarray(start));
}

async function record(request: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body: Buffer.concat(chunks).toString(),
  };
}
