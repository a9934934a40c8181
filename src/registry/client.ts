import { EngineError } from "../errors.ts";
import type { Descriptor } from "../model/descriptor.ts";
import { digestAlgorithm, digestOf, isDigest } from "../model/digest.ts";
import { isIndexType, isManifestType, MediaType, parseJsonObject } from "../model/manifest.ts";
import type { Reference } from "../model/reference.ts";
import { ACCEPTED_MANIFESTS } from "./accepted-manifests.ts";
import { fromFailedResponse, fromManifestFailure, fromPushFailure } from "./errors.ts";
import type { RegistryExplanation } from "./explain.ts";
import { readFailure } from "./failed-response.ts";
import type { RegistryHost } from "./hosts.ts";
import { openSession, type RegistryOptions } from "./open-session.ts";
import { isPassing } from "./retry.ts";
import type { FoundRepository, SearchRequest } from "./search.ts";
import type { RegistrySession, RepositoryRequest, RequestOptions } from "./session.ts";
import type { HttpResponse } from "./transport.ts";
import { beginUpload, type UploadOptions, type UploadSource, uploadBlob } from "./upload.ts";

export interface FetchBlobOptions extends RequestOptions {
  /** Skip this many bytes: they are here already. */
  readonly offset?: number;
}

/** The distribution specification asks registries to accept 4 MiB; nothing honest is larger. */
const MAX_MANIFEST_BYTES = 4 << 20;
/** Ten times as many as the largest repositories have. */
const MAX_TAGS = 100_000;
const MAX_TAG_PAGE_BYTES = 16 << 20;

/**
 * A client of the distribution API, for any number of registries. Cheap until its first request. It keeps
 * connections, tokens, and which endpoint answered for each domain, and owns them until `close`.
 */
export class RegistryClient {
  private session: Promise<RegistrySession> | undefined;
  /** Where blobs came from, and from where they are not wanted any more; by digest. */
  private readonly origins = new Map<string, RegistryHost>();
  private readonly distrusted = new Map<string, Set<RegistryHost>>();

  constructor(private readonly options: RegistryOptions) {}

  /**
   * Finds what `reference` points at, by HEAD, which does not count against a registry's pull limits.
   *
   * @throws EngineError `not-found`, `permission-denied`, `unavailable` when the registry cannot be reached.
   */
  async resolve(reference: Reference, options: RequestOptions): Promise<Descriptor> {
    const session = await this.open();
    const response = await session.request(reference, manifestRequest("HEAD", reference), options);
    await response.discard();
    if (response.status !== 200) {
      // A HEAD carries no explanation, and some registries do not know it: the GET fails with one, or succeeds.
      return (await this.fetchManifest(reference, { ...options, once: isPassing(response) })).descriptor;
    }
    const digest = reference.digest ?? response.header("docker-content-digest");
    const mediaType = mediaTypeOf(response);
    const size = Number(response.header("content-length"));
    if (digest === undefined || !isDigest(digest) || mediaType === undefined || !(size > 0)) {
      return (await this.fetchManifest(reference, options)).descriptor;
    }
    return { mediaType, digest, size };
  }

  /**
   * Fetches the manifest or index that `reference` points at. With a digest in the reference the content is checked
   * against it, otherwise against the digest that the registry names.
   */
  async fetchManifest(
    reference: Reference,
    { signal, once = false }: RequestOptions & { readonly once?: boolean },
  ): Promise<{ readonly descriptor: Descriptor; readonly content: Uint8Array }> {
    const session = await this.open();
    let fetched: { readonly descriptor: Descriptor; readonly content: Uint8Array } | undefined;
    const check = async (answer: HttpResponse) => {
      fetched = await readManifest(answer, reference);
    };
    const response = await session.request(
      reference,
      { ...manifestRequest("GET", reference), check, once },
      { signal },
    );
    if (fetched === undefined) {
      throw fromManifestFailure(reference, await readFailure(response));
    }
    return fetched;
  }

  /** All tags of the repository, as references, in the registry's order. */
  async listTags(reference: Reference, options: RequestOptions): Promise<Reference[]> {
    const session = await this.open();
    const tags: string[] = [];
    const pages = new Set<string>();
    let path: string | undefined = "tags/list";
    while (path !== undefined) {
      const response = await session.request(reference, { ...TAG_REQUEST, path }, options);
      if (response.status !== 200) throw fromManifestFailure(reference, await readFailure(response));
      const page = parseJsonObject(await response.bytes(MAX_TAG_PAGE_BYTES), "tag list").tags;
      if (Array.isArray(page)) {
        for (const tag of page) tags.push(String(tag));
      }
      if (tags.length > MAX_TAGS || pages.size > MAX_TAGS) {
        throw new EngineError("out-of-range", `${reference.familiarRepository} has more than ${MAX_TAGS} tags`);
      }
      pages.add(path);
      path = nextPage(response);
      if (path !== undefined && pages.has(path)) {
        throw new EngineError("unavailable", `${response.url.host}: the list of tags goes round in a circle`);
      }
    }
    return tags.map((tag) => reference.withTag(tag));
  }

  /**
   * Opens a blob of the repository, from `offset`. The bytes come as the network delivers them and are not checked:
   * whoever stores them does that. A chunk is the reader's until it asks for the next one.
   */
  async fetchBlob(
    reference: Reference,
    { digest }: Descriptor,
    { offset = 0, signal }: FetchBlobOptions,
  ): Promise<AsyncIterable<Uint8Array>> {
    const session = await this.open();
    const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const avoid = this.distrusted.get(digest);
    const request = { method: "GET", path: `blobs/${digest}`, headers, capability: "pull", avoid } as const;
    const response = await session.request(reference, request, { signal });
    const host = session.hostOf(response);
    if (host !== undefined) this.origins.set(digest, host);
    if (response.status === 206 && offset > 0) {
      return response.body;
    }
    if (response.status === 200) {
      return offset > 0 ? skip(response.body, offset) : response.body;
    }
    throw fromFailedResponse(await readFailure(response));
  }

  /** True when the repository has the blob, where it is pushed to. */
  async hasBlob(reference: Reference, digest: string, options: RequestOptions): Promise<boolean> {
    const session = await this.open();
    const request = { method: "HEAD", path: `blobs/${digest}`, headers: {}, capability: "push" } as const;
    const response = await session.request(reference, request, options);
    await response.discard();
    if (response.status === 200) return true;
    // A registry that refuses to tell is asked to take the blob, and says why if it does not.
    if (response.status < 500) return false;
    throw fromPushFailure(reference, { status: response.status, url: response.url, body: "" });
  }

  /** True when the repository has the manifest, where it is pushed to. */
  async hasManifest(reference: Reference, options: RequestOptions): Promise<boolean> {
    const session = await this.open();
    const request = { ...manifestRequest("HEAD", reference), capability: "push" } as const;
    const response = await session.request(reference, request, options);
    await response.discard();
    return response.status === 200;
  }

  /**
   * Puts a blob into the repository: taken over from `mountFrom`, another repository of the registry, if it is there, or
   * sent. Returns how.
   *
   * @throws EngineError `permission-denied`; `unavailable` when the connection is cut over and over; `failed-precondition`
   *   when the bytes are not the blob.
   */
  async pushBlob(
    source: UploadSource & { readonly mountFrom?: string | undefined },
    options: UploadOptions,
  ): Promise<"mounted" | "uploaded"> {
    const session = await this.open();
    const { reference, blob, mountFrom } = source;
    const location = await beginUpload(session, reference, { digest: blob.digest, mountFrom }, options);
    if (location === undefined) return "mounted";
    await uploadBlob(session, location, source, options);
    return "uploaded";
  }

  /**
   * Puts a manifest or index under the tag of `reference`, or its digest. What it names is there already.
   *
   * @throws EngineError `permission-denied`; `failed-precondition` when the registry has another digest for it.
   */
  async pushManifest(
    reference: Reference,
    { mediaType, digest }: Pick<Descriptor, "mediaType" | "digest">,
    body: Uint8Array,
    options: RequestOptions,
  ): Promise<void> {
    const session = await this.open();
    const path = `manifests/${reference.tag ?? digest}`;
    const request = { method: "PUT", path, headers: { "content-type": mediaType }, body, capability: "push" } as const;
    const response = await session.request(reference, request, options);
    if (response.status !== 201 && response.status !== 200) {
      throw fromPushFailure(reference, await readFailure(response));
    }
    await response.discard();
    const named = response.header("docker-content-digest");
    if (named !== undefined && named !== digest) {
      const message = `${reference.familiar()}: the registry took ${digest} for ${named}`;
      throw new EngineError("failed-precondition", message);
    }
  }

  /** Has the host that served this blob asked last for it from now on: what it sent was something else. */
  distrust(digest: string): void {
    const host = this.origins.get(digest);
    if (host !== undefined) this.distrusted.set(digest, (this.distrusted.get(digest) ?? new Set()).add(host));
  }

  /** Says how a reference's hosts are reached, and asks each of them. Throws for no failing host. */
  async explain(reference: Reference, { signal }: RequestOptions): Promise<RegistryExplanation> {
    const { explainRegistry } = await import("./explain.ts");
    const environment = this.options.environment ?? {};
    return await explainRegistry(await this.open(), reference, { environment, signal });
  }

  /** Searches a registry that can be. @throws EngineError `unimplemented` by one that cannot. */
  async search(request: SearchRequest, options: RequestOptions): Promise<FoundRepository[]> {
    const { searchRegistry } = await import("./search.ts");
    return await searchRegistry(await this.open(), request, options);
  }

  /** Closes all connections; what is still under way fails. */
  async close(): Promise<void> {
    const session = await this.session;
    await session?.close();
  }

  private open(): Promise<RegistrySession> {
    this.session ??= openSession(this.options);
    return this.session;
  }
}

const TAG_REQUEST = { method: "GET", headers: {}, capability: "resolve" } as const;

function manifestRequest(method: "GET" | "HEAD", { digest, tag }: Reference): RepositoryRequest {
  const path = `manifests/${digest ?? tag ?? "latest"}`;
  // What a tag points at is asked of hosts that are trusted to say so; a digest may come from anywhere.
  const capability = digest === undefined ? "resolve" : "pull";
  return { method, path, headers: { accept: ACCEPTED_MANIFESTS }, capability };
}

/** @throws EngineError `failed-precondition` when the content is not what was asked for. */
async function readManifest(
  response: HttpResponse,
  reference: Reference,
): Promise<{ readonly descriptor: Descriptor; readonly content: Uint8Array }> {
  const content = await response.bytes(MAX_MANIFEST_BYTES);
  const named = reference.digest ?? response.header("docker-content-digest");
  const digest = digestOf(content, named !== undefined && isDigest(named) ? digestAlgorithm(named) : undefined);
  if (named !== undefined && named !== digest) {
    throw new EngineError(
      "failed-precondition",
      `manifest verification failed for ${reference.familiar()}: expected ${named}, got ${digest}`,
    );
  }
  const mediaType = mediaTypeOf(response) ?? declaredMediaType(content);
  return { descriptor: { mediaType, digest, size: content.length }, content };
}

function mediaTypeOf(response: HttpResponse): string | undefined {
  const mediaType = response.header("content-type")?.split(";", 1)[0]?.trim();
  return mediaType !== undefined && (isIndexType(mediaType) || isManifestType(mediaType)) ? mediaType : undefined;
}

/** The media type of a manifest whose registry sent a wrong header or none: its own word, or its shape. */
function declaredMediaType(content: Uint8Array): string {
  const { mediaType, manifests } = parseJsonObject(content, "manifest");
  if (typeof mediaType === "string") {
    return mediaType;
  }
  return Array.isArray(manifests) ? MediaType.ociIndex : MediaType.ociManifest;
}

/** Leaves out the first bytes of a stream, for registries that do not know ranges. */
async function* skip(body: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let remaining = offset;
  for await (const chunk of body) {
    if (remaining >= chunk.length) {
      remaining -= chunk.length;
    } else {
      yield remaining > 0 ? chunk.subarray(remaining) : chunk;
      remaining = 0;
    }
  }
}

/** The rest of a list, from the `Link` header of its beginning (RFC 8288). */
function nextPage(response: HttpResponse): string | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.header("link") ?? "")?.[1];
  if (target === undefined || !URL.canParse(target, response.url.href)) return undefined;
  return `tags/list${new URL(target, response.url).search}`;
}
