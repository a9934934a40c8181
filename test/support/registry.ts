import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import type { TestImage } from "./images.ts";

/** A docker-registry on loopback with a storage of its own. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the domain of its references. */
  readonly host: string;
  readonly configPath: string;
  /** Uploads an image, of one platform or several, and returns its reference. */
  push(name: string, image: TestImage): Promise<string>;
}

export async function startRegistry(): Promise<TestRegistry> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-r-"));
  const host = `127.0.0.1:${await freePort()}`;
  const configPath = join(directory, "config.yml");
  await mkdir(join(directory, "storage"));
  await writeFile(
    configPath,
    `version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: ${directory}/storage }
  delete: { enabled: true }
http:
  addr: ${host}
`,
  );
  const daemon = await startDaemon("docker-registry", ["serve", configPath], {
    logPath: join(directory, "registry.log"),
    isReady: async () => (await fetch(`http://${host}/v2/`)).ok,
  });
  return {
    host,
    configPath,
    push: (name, image) => pushImage(host, name, image),
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Uploads over plain HTTP: blobs the registry lacks, then the manifests, the one with the tag last. */
export async function pushImage(host: string, name: string, image: TestImage): Promise<string> {
  const [repository = name, tag = "latest"] = name.split(":");
  const base = `http://${host}/v2/${repository}`;
  for (const [digest, bytes] of image.blobs) {
    if ((await fetch(`${base}/blobs/${digest}`, { method: "HEAD" })).ok) continue;
    const opened = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
    const location = new URL(opened.headers.get("location") ?? "", base);
    location.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    await expectOk(await fetch(location, { method: "PUT", body: bytes, headers }), digest);
  }
  for (const { descriptor, bytes } of image.manifests) {
    const reference = descriptor.digest === image.target.digest ? tag : descriptor.digest;
    const headers = { "content-type": descriptor.mediaType };
    await expectOk(await fetch(`${base}/manifests/${reference}`, { method: "PUT", body: bytes, headers }), reference);
  }
  return `${host}/${repository}:${tag}`;
}

async function expectOk(response: Response, what: string): Promise<void> {
  if (!response.ok) throw new Error(`the registry refused ${what}: ${response.status} ${await response.text()}`);
}

/** A port that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
