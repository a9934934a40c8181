import { Flags } from "./parameters.ts";

/** How `stop` and `restart` end a container. `--time` is the timeout's older name. */
export const stopFlags = {
  signal: Flags.string({ char: "s", helpValue: "string", summary: "Signal to send to the container" }),
  timeout: Flags.integer({
    char: "t",
    aliases: ["time"],
    helpValue: "int",
    summary: "Seconds to wait before killing the container",
  }),
};
