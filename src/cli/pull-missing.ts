import { Reference } from "../model/reference.ts";
import type { Settings } from "../model/settings.ts";
import { openEngine } from "./open-engine.ts";
import { printError } from "./output.ts";
import { chosenPlatform } from "./platform-flag.ts";
import { openPullDisplay } from "./progress/pull-display.ts";
import { pullAndShow } from "./pull-image.ts";

export interface MissingImage {
  /** As the user wrote it. */
  readonly image: string;
  readonly platform: string | undefined;
  readonly quiet: boolean;
}

/** Pulls the image of a container that is about to be made; what is to be seen of it goes to stderr. */
export async function pullMissing(
  settings: Settings,
  { image, platform, quiet }: MissingImage,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const reference = Reference.parse(image).withDefaultTag();
  const shownAs = reference.familiar();
  if (!quiet) printError(`Unable to find image '${shownAs}' locally\n`);
  await using engine = await openEngine(settings, ["registry"]);
  const display = openPullDisplay(process.stderr, { form: quiet ? "none" : "auto", several: false });
  const progress = display.of(reference);
  await pullAndShow(engine, { reference, platform: chosenPlatform(platform), progress, shownAs }, { signal });
}
