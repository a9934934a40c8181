import { Command } from "./command.ts";
import { inspectFormat } from "./inspect.ts";
import { print } from "./output.ts";
import { Flags } from "./parameters.ts";
import { reportError } from "./report-error.ts";

/** docker's flag for templates of single objects. */
export const inspectFormatFlag = Flags.string({
  char: "f",
  helpValue: "string",
  summary: "Format output using a custom template: 'json', TEMPLATE",
});

/** The base of `inspect` and its kin. */
export abstract class InspectCommand extends Command {
  /**
   * Prints what `find` makes of each name, one array or by the `format`; then reports the names that it failed for,
   * and sets exit code 1 if there were any.
   */
  protected async inspectEach(
    names: readonly string[],
    find: (name: string) => Promise<unknown>,
    format: string | undefined,
  ): Promise<void> {
    const { show, join } = inspectFormat(format);
    const shown = await Promise.allSettled(names.map(async (name) => show(await find(name))));
    print(join(shown.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))));
    for (const result of shown) {
      if (result.status === "fulfilled") continue;
      reportError(result.reason, { debug: this.settings.debug });
      this.exitCode = 1;
    }
  }
}
