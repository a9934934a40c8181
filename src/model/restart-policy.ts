import { EngineError } from "../errors.ts";
import type { RestartPolicy } from "./container-config.ts";

const NAMES: readonly string[] = ["no", "always", "on-failure", "unless-stopped", ""];

/**
 * Reads `no`, `always`, `unless-stopped` or `on-failure[:max-retries]`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseRestartPolicy(text: string): RestartPolicy {
  const colon = text.indexOf(":");
  const name = colon === -1 ? text : text.slice(0, colon);
  const count = colon === -1 ? "" : text.slice(colon + 1);
  if (colon === 0) throw invalid("invalid restart policy format: no policy provided before colon");
  if (count !== "" && !/^[+-]?\d+$/.test(count)) {
    throw invalid("invalid restart policy format: maximum retry count must be an integer");
  }
  return checkRestartPolicy({ Name: name, MaximumRetryCount: Number(count) });
}

/**
 * Returns the policy if it is one: the Engine API takes it in two parts.
 *
 * @throws EngineError `invalid-argument`.
 */
export function checkRestartPolicy(policy: {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}): RestartPolicy {
  if (!isPolicyName(policy.Name)) {
    const choice = "use one of 'no', 'always', 'on-failure', or 'unless-stopped'";
    throw invalid(`invalid restart policy: unknown policy '${policy.Name}'; ${choice}`);
  }
  if (policy.MaximumRetryCount < 0) {
    throw invalid("invalid restart policy: maximum retry count cannot be negative");
  }
  if (policy.MaximumRetryCount > 0 && policy.Name !== "on-failure") {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  return { Name: policy.Name, MaximumRetryCount: policy.MaximumRetryCount };
}

function isPolicyName(name: string): name is RestartPolicy["Name"] {
  return NAMES.includes(name);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
