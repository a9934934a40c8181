import type { InferredFlags } from "@oclif/core/interfaces";
import type { CreateBody } from "../../model/container-config.ts";
import { fillCreateBody, type LooseCreateBody } from "../../model/create-body.ts";
import { healthBody, healthFlags } from "./health.ts";
import { lifecycleBody, lifecycleFlags } from "./lifecycle.ts";
import { mountBody, mountFlags } from "./mounts.ts";
import { namespaceBody, namespaceFlags } from "./namespaces.ts";
import { networkBody, networkFlags } from "./network.ts";
import { processBody, processFlags } from "./process.ts";
import { resourceBody, resourceFlags } from "./resources.ts";
import { securityBody, securityFlags } from "./security.ts";

/** Every flag that says what a container is. */
export const containerFlags = {
  ...processFlags,
  ...resourceFlags,
  ...networkFlags,
  ...mountFlags,
  ...securityFlags,
  ...namespaceFlags,
  ...healthFlags,
  ...lifecycleFlags,
};

/**
 * The body of `POST /containers/create` for a command line.
 *
 * @throws EngineError `invalid-argument` for values that docker's command line refuses too.
 */
export function createBody(
  flags: InferredFlags<typeof containerFlags>,
  words: { readonly image: string; readonly command: readonly string[] },
): CreateBody {
  const parts: readonly LooseCreateBody[] = [
    processBody(flags, words),
    networkBody(flags),
    mountBody(flags),
    lifecycleBody(flags),
    healthBody(flags),
    { HostConfig: { ...resourceBody(flags), ...securityBody(flags), ...namespaceBody(flags) } },
  ];
  return fillCreateBody({
    ...Object.assign({}, ...parts),
    HostConfig: Object.assign({}, ...parts.map((part) => part.HostConfig ?? {})),
  });
}
