import { EngineError, isEngineError } from "../errors.ts";
import type { Descriptor } from "../model/descriptor.ts";
import type { Reference } from "../model/reference.ts";
import { fromPushFailure } from "./errors.ts";
import { readFailure } from "./failed-response.ts";
import { isPassing, pause } from "./retry.ts";
import type { RegistrySession, RequestOptions } from "./session.ts";
import type { HttpResponse } from "./transport.ts";

export interface UploadSource {
  readonly reference: Reference;
  readonly blob: Pick<Descriptor, "digest" | "size">;
  /** The blob's bytes from an offset to its end. Called again where an upload was cut. */
  read(offset: number): AsyncIterable<Uint8Array>;
}

export interface UploadOptions extends RequestOptions {
  /** Called with the number of bytes that have been sent. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** Where an upload goes on; undefined once the registry has the blob. */
export type UploadLocation = URL | undefined;

/** A blob of at most this size is sent in one request, which can be sent again. */
const SMALL_BYTES = 256 * 1024;
/** How often an upload may be cut without a byte more having arrived. */
const MAX_FRUITLESS = 5;
const FIRST_DELAY_MS = 500;

/**
 * Begins an upload, or has the registry take the blob from a repository of its own, `mountFrom`: then there is nothing
 * to upload, and the result is undefined.
 */
export async function beginUpload(
  session: RegistrySession,
  reference: Reference,
  { digest, mountFrom }: { readonly digest: string; readonly mountFrom?: string | undefined },
  options: RequestOptions,
): Promise<UploadLocation> {
  const query = mountFrom === undefined ? "" : `?${new URLSearchParams({ mount: digest, from: mountFrom })}`;
  const path = `blobs/uploads/${query}`;
  for (let attempt = 1; ; attempt++) {
    // Nothing is lost by a second one: an upload that nobody goes on with is forgotten.
    const request = { method: "POST", path, headers: {}, capability: "push", from: mountFrom } as const;
    const outcome = await session.request(reference, request, options).catch(caught);
    if (outcome instanceof Error) {
      if (!isPassing(outcome) || attempt === MAX_FRUITLESS) throw outcome;
    } else if (outcome.status === 201) {
      await outcome.discard();
      return undefined;
    } else if (outcome.status === 202) {
      await outcome.discard();
      return locationOf(outcome);
    } else if (!isPassing(outcome) || attempt === MAX_FRUITLESS) {
      throw fromPushFailure(reference, await readFailure(outcome));
    } else {
      await outcome.discard();
    }
    await pause(FIRST_DELAY_MS * 2 ** (attempt - 1), options.signal);
  }
}

/**
 * Sends a blob to where its upload was begun. One that is cut goes on where it stopped, as long as more arrives each
 * time.
 *
 * @throws EngineError `unavailable` when it is cut over and over; `permission-denied`; `failed-precondition` when the
 *   registry finds that the bytes are not the blob.
 */
export async function uploadBlob(
  session: RegistrySession,
  begun: URL,
  source: UploadSource,
  { signal, onBytes = () => undefined }: UploadOptions,
): Promise<void> {
  const { reference, blob } = source;
  if (blob.size <= SMALL_BYTES) {
    return await finish(session, begun, source, await collect(source.read(0)), { signal });
  }
  let location = begun;
  let offset = 0;
  for (let fruitless = 0; offset < blob.size; ) {
    const outcome = await send(session, location, source, offset, { signal, onBytes }).catch(caught);
    if (!(outcome instanceof Error) && outcome.status === 202) {
      await outcome.discard();
      location = locationOf(outcome);
      offset = blob.size;
      break;
    }
    const mayGoOn = outcome instanceof Error ? isEngineError(outcome, "unavailable") : isPassingOrRange(outcome);
    if (signal.aborted || !mayGoOn || fruitless === MAX_FRUITLESS) {
      throw outcome instanceof Error ? outcome : fromPushFailure(reference, await readFailure(outcome));
    }
    if (!(outcome instanceof Error)) await outcome.discard().catch(() => undefined);
    await pause(FIRST_DELAY_MS * 2 ** fruitless, signal);
    const status = await uploadStatus(session, reference, location, { signal });
    fruitless = status.offset > offset ? 0 : fruitless + 1;
    ({ location, offset } = status.location ? { ...status, location: status.location } : await again());
    onBytes(offset);
  }
  await finish(session, location, source, undefined, { signal });

  async function again(): Promise<{ location: URL; offset: number }> {
    const anew = await beginUpload(session, reference, { digest: blob.digest }, { signal });
    if (anew === undefined) throw new EngineError("unavailable", `${begun.host}: took an upload for a mount`);
    return { location: anew, offset: 0 };
  }
}

/** A request whose range the registry did not expect: what it has is asked, and the rest sent. */
function isPassingOrRange(response: HttpResponse): boolean {
  return isPassing(response) || response.status === 416;
}

async function send(
  session: RegistrySession,
  location: URL,
  { reference, blob, read }: UploadSource,
  offset: number,
  { signal, onBytes }: Required<Pick<UploadOptions, "signal">> & { readonly onBytes: (count: number) => void },
): Promise<HttpResponse> {
  const counted = async function* () {
    let sent = offset;
    for await (const chunk of read(offset)) {
      // The bytes are on their way while their owner would use their memory again.
      yield Buffer.from(chunk);
      sent += chunk.length;
      onBytes(sent);
    }
  };
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(blob.size - offset),
    ...(offset > 0 && { "content-range": `${offset}-${blob.size - 1}` }),
  };
  const request = { method: "PATCH", path: location, headers, body: counted(), capability: "push" } as const;
  return await session.request(reference, request, { signal });
}

/** How far the registry has got. Without a location it has forgotten the upload. */
async function uploadStatus(
  session: RegistrySession,
  reference: Reference,
  location: URL,
  { signal }: RequestOptions,
): Promise<{ readonly location: URL | undefined; readonly offset: number }> {
  const request = { method: "GET", path: location, headers: {}, capability: "push" } as const;
  const response = await session.request(reference, request, { signal });
  await response.discard();
  if (response.status !== 204 && response.status !== 200) return { location: undefined, offset: 0 };
  const [, last] = /^(?:bytes=)?\d+-(\d+)$/.exec(response.header("range") ?? "") ?? [];
  // `0-0` says of nothing and of one byte; that one is sent again in a new upload's stead.
  const offset = last === undefined || last === "0" ? 0 : Number(last) + 1;
  return offset === 0 && last !== undefined && response.header("location") === undefined
    ? { location: undefined, offset: 0 }
    : { location: locationOf(response, location), offset };
}

async function finish(
  session: RegistrySession,
  location: URL,
  { reference, blob: { digest } }: UploadSource,
  body: Uint8Array | undefined,
  { signal }: RequestOptions,
): Promise<void> {
  const path = new URL(location);
  path.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream", ...(body === undefined && { "content-length": "0" }) };
  const request = { method: "PUT", path, headers, body, capability: "push" } as const;
  const response = await session.request(reference, request, { signal });
  if (response.status === 201 || response.status === 204) return await response.discard();
  throw fromPushFailure(reference, await readFailure(response));
}

function locationOf(response: HttpResponse, fallback?: URL): URL {
  const location = response.header("location");
  if (location !== undefined && URL.canParse(location, response.url.href)) return new URL(location, response.url);
  if (fallback !== undefined) return fallback;
  throw new EngineError("unavailable", `${response.url.host}: the registry does not say where to upload to`);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function caught(error: unknown): Error {
  if (error instanceof EngineError) return error;
  throw error;
}
