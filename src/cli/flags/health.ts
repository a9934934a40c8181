import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { ContainerConfig } from "../../model/container-config.ts";
import { parseDuration } from "../../model/duration.ts";
import { Flags } from "../parameters.ts";

/** How a container's health is to be told. */
export const healthFlags = {
  "health-cmd": Flags.string({ helpValue: "string", summary: "Command to run to check health" }),
  "health-interval": Flags.of(parseDuration)({
    helpValue: "duration",
    summary: "Time between running the check (ms|s|m|h) (default 0s)",
  }),
  "health-retries": Flags.integer({
    helpValue: "int",
    summary: "Consecutive failures needed to report unhealthy",
  }),
  "health-timeout": Flags.of(parseDuration)({
    helpValue: "duration",
    summary: "Maximum time to allow one check to run (ms|s|m|h) (default 0s)",
  }),
  "health-start-period": Flags.of(parseDuration)({
    helpValue: "duration",
    summary:
      "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h) (default 0s)",
  }),
  "health-start-interval": Flags.of(parseDuration)({
    helpValue: "duration",
    summary: "Time between running the check during the start period (ms|s|m|h) (default 0s)",
  }),
  "no-healthcheck": Flags.boolean({ summary: "Disable any container-specified HEALTHCHECK" }),
};

/** The check, as the API has it; empty without any of the flags. */
export function healthBody(flags: InferredFlags<typeof healthFlags>): Partial<Pick<ContainerConfig, "Healthcheck">> {
  const numbers = {
    Interval: flags["health-interval"] ?? 0,
    Timeout: flags["health-timeout"] ?? 0,
    StartPeriod: flags["health-start-period"] ?? 0,
    StartInterval: flags["health-start-interval"] ?? 0,
    Retries: flags["health-retries"] ?? 0,
  };
  const command = flags["health-cmd"] ?? "";
  const given = command !== "" || Object.values(numbers).some((value) => value !== 0);
  if (flags["no-healthcheck"]) {
    if (given) throw invalid("--no-healthcheck conflicts with --health-* options");
    return { Healthcheck: { Test: ["NONE"] } };
  }
  if (!given) return {};
  const negative = Object.entries(numbers).find(([, value]) => value < 0);
  if (negative !== undefined) throw invalid(`${FLAG_OF[negative[0]]} cannot be negative`);
  const stated = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0));
  return { Healthcheck: { ...(command !== "" && { Test: ["CMD-SHELL", command] }), ...stated } };
}

const FLAG_OF: Readonly<Record<string, string>> = {
  Interval: "--health-interval",
  Timeout: "--health-timeout",
  StartPeriod: "--health-start-period",
  StartInterval: "--health-start-interval",
  Retries: "--health-retries",
};

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
