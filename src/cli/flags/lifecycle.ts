import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { LooseCreateBody } from "../../model/create-body.ts";
import { keyValueMap } from "../../model/key-values.ts";
import { parseRestartPolicy } from "../../model/restart-policy.ts";
import { Flags } from "../parameters.ts";

/** What becomes of a container when it exits or is stopped, who runs it, and where its output goes. */
export const lifecycleFlags = {
  rm: Flags.boolean({
    summary: "Automatically remove the container and its associated anonymous volumes when it exits",
  }),
  restart: Flags.string({
    helpValue: "string",
    summary: 'Restart policy to apply when a container exits (default "no")',
  }),
  "stop-signal": Flags.string({ helpValue: "string", summary: "Signal to stop the container" }),
  "stop-timeout": Flags.integer({ helpValue: "int", summary: "Timeout (in seconds) to stop a container" }),
  runtime: Flags.string({ helpValue: "string", summary: "Runtime to use for this container" }),
  isolation: Flags.string({ helpValue: "string", summary: "Container isolation technology" }),
  "log-driver": Flags.string({ helpValue: "string", summary: "Logging driver for the container" }),
  "log-opt": Flags.string({ multiple: true, helpValue: "list", summary: "Log driver options" }),
};

/** Policies, runtime and logging, as the API has them. */
export function lifecycleBody(flags: InferredFlags<typeof lifecycleFlags>): LooseCreateBody {
  const restart = parseRestartPolicy(flags.restart ?? "no");
  if (flags.rm && restart.Name !== "no" && restart.Name !== "") {
    throw new EngineError("invalid-argument", "conflicting options: cannot specify both --restart and --rm");
  }
  const driver = flags["log-driver"] ?? "";
  const options = flags["log-opt"] ?? [];
  if (driver === "none" && options.length > 0) {
    throw new EngineError("invalid-argument", "invalid logging opts for driver none");
  }
  return {
    ...(flags["stop-signal"] && { StopSignal: flags["stop-signal"] }),
    ...(flags["stop-timeout"] !== undefined && { StopTimeout: flags["stop-timeout"] }),
    HostConfig: {
      AutoRemove: flags.rm,
      RestartPolicy: restart,
      Runtime: flags.runtime ?? "",
      Isolation: flags.isolation ?? "",
      LogConfig: { Type: driver, Config: keyValueMap(options) },
    },
  };
}
