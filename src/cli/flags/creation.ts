import { EngineError } from "../../errors.ts";
import { Flags } from "../parameters.ts";

/** How a container is made, as opposed to what it is; `run` and `create` share them. */
export const creationFlags = {
  name: Flags.string({ helpValue: "string", summary: "Assign a name to the container" }),
  pull: Flags.of(parsePullPolicy)({
    helpValue: "string",
    summary: 'Pull image before running ("always", "missing", "never") (default "missing")',
  }),
  quiet: Flags.boolean({ char: "q", summary: "Suppress the pull output" }),
  platform: Flags.string({ helpValue: "string", summary: "Set platform if server is multi-platform capable" }),
  cidfile: Flags.string({ helpValue: "string", summary: "Write the container ID to the file" }),
  pidfile: Flags.string({ helpValue: "string", summary: "Write the process ID of the container to the file" }),
  "disable-content-trust": Flags.boolean({ allowNo: true, summary: "Skip image verification (default true)" }),
  "use-api-socket": Flags.boolean({ summary: "Bind mount Docker API socket and required auth" }),
};

export type PullPolicy = "always" | "missing" | "never";

function parsePullPolicy(text: string): PullPolicy {
  if (text === "always" || text === "missing" || text === "never") return text;
  if (text === "") return "missing";
  throw new EngineError(
    "invalid-argument",
    `invalid pull option: '${text}': must be one of "always", "missing" or "never"`,
  );
}
