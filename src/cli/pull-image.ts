import { pullImage } from "../engine/images/pull.ts";
import { formatPlatform, type Platform, platformDistance } from "../model/platform.ts";
import type { Reference } from "../model/reference.ts";
import type { OpenEngine } from "./open-engine.ts";
import { warn } from "./output.ts";
import { ownPlatform } from "./platform-flag.ts";
import type { PullProgress } from "./progress/pull-progress.ts";

export interface ShownPull {
  readonly reference: Reference;
  readonly platform: Platform | undefined;
  readonly allPlatforms?: boolean;
  readonly unpack?: boolean;
  /** Shows progress, digest and status. */
  readonly progress: PullProgress;
  /** How the status line names what was pulled. */
  readonly shownAs: string;
}

/** Pulls an image and shows what docker shows of it, except the line with its name. */
export async function pullAndShow(
  engine: OpenEngine<"registry">,
  { reference, platform, progress, shownAs, ...wishes }: ShownPull,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const request = { reference, platform: platform ?? ownPlatform(), ...wishes };
  const onProgress = progress.update.bind(progress);
  const pulled = await pullImage(engine, request, { signal, onProgress }).finally(() => progress.finish());
  progress.say(`Digest: ${pulled.record.target.digest}`);
  progress.say(`Status: ${pulled.isNew ? "Downloaded newer image" : "Image is up to date"} for ${shownAs}`);
  if (pulled.platform && platformDistance(request.platform, pulled.platform) === undefined) {
    const [actual, wanted] = [pulled.platform, request.platform].map(formatPlatform);
    warn(
      `image with reference ${reference.familiar()} was found but its platform (${actual}) does not match the specified platform (${wanted})`,
    );
  }
}
