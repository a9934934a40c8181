import type { Reference } from "../../model/reference.ts";
import { JsonPullProgress } from "./json-pull-progress.ts";
import { LiveLines } from "./live-lines.ts";
import {
  noProgress,
  PlainPullProgress,
  type ProgressStream,
  type PullProgress,
  TerminalPullProgress,
  terminalOf,
} from "./pull-progress.ts";

/** The forms in which `--progress` shows a pull; `auto` is a terminal's where there is one. */
export const PROGRESS_FORMS = ["auto", "tty", "plain", "json", "none"] as const;
export type ProgressForm = (typeof PROGRESS_FORMS)[number];

/** Shows pulls that go on side by side. */
export interface PullDisplay {
  of(reference: Reference): PullProgress;
  /** When none of them goes on. */
  finish(): void;
}

export interface DisplayOptions {
  readonly form: ProgressForm;
  /** More than one image: each line then says of which it is. */
  readonly several: boolean;
}

export function openPullDisplay(stream: ProgressStream, { form, several }: DisplayOptions): PullDisplay {
  const chosen = form === "auto" ? (stream.isTTY ? "tty" : "plain") : form;
  const nothing = () => undefined;
  switch (chosen) {
    case "none":
      return { of: () => noProgress, finish: nothing };
    case "json":
      return { of: (reference) => new JsonPullProgress(stream, reference), finish: nothing };
    case "plain":
      return { of: (reference) => new PlainPullProgress(stream, reference, { several }), finish: nothing };
    case "tty": {
      const terminal = terminalOf(stream);
      if (!several) return { of: (reference) => new TerminalPullProgress(terminal, reference), finish: nothing };
      const lines = new LiveLines(terminal);
      return {
        of: (reference) => new TerminalPullProgress(terminal, reference, lines),
        finish: () => lines.finish(),
      };
    }
  }
}
