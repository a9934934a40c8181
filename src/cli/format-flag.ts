import { Flags } from "./parameters.ts";

/** `--format` of a command that shows one object. */
export const objectFormatFlag = Flags.string({
  char: "f",
  helpValue: "string",
  summary: "Format output using a custom template: 'json', TEMPLATE",
});
