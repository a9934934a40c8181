/** How the JSON or text that both print is compared. */
export type Comparison =
  /** Equal, once ids, times and addresses are masked. */
  | "equal"
  /** JSON: equal in every field but those whose value belongs to one of the two; there the types are. */
  | "json"
  /** Not looked at: progress, or an id that stands alone. */
  | "ignored";

/** One command line, given to docker and to wharf. */
export interface Step {
  readonly argv: readonly string[];
  readonly stdin?: string;
  /** On a terminal: what is typed once the prompt shows. */
  readonly answers?: readonly { readonly prompt: string; readonly text: string }[];
  /** On a pseudo terminal of 80 columns and 24 rows. */
  readonly terminal?: true;
  readonly stdout?: Comparison;
  /** What both must say on stderr; without it neither may say anything. `null`: not looked at. */
  readonly stderr?: RegExp | null;
}

/** A story in steps. Containers and tags that it makes are removed after it. */
export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}
