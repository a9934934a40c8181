import { Command } from "../cli/command.ts";
import { formatObject, parseFormat } from "../cli/format.ts";
import { objectFormatFlag } from "../cli/format-flag.ts";
import { asGoTypes } from "../cli/go-view.ts";
import { clientInfo, infoText } from "../cli/info-text.ts";
import { print, printError } from "../cli/output.ts";
import { VERSION } from "../cli/version.ts";
import { describeSystem } from "../engine/system/info.ts";
import { hasFfi } from "../stdio/libc.ts";

export default class Info extends Command {
  static override summary = "Display system-wide information";
  static override aliases = ["system:info"];
  static override flags = {
    format: objectFormatFlag,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Info);
    const { format = "" } = flags;
    if (format !== "" && format !== "json") parseFormat(format);
    await using engine = await this.openEngine("host");
    const facts = { version: VERSION, hasFfi: hasFfi() };
    const info = await describeSystem(engine, facts, { signal: this.signal });
    const client = clientInfo(VERSION, this.settings.debug);
    if (format === "") {
      print(infoText(info, client));
      for (const warning of info.Warnings ?? []) printError(`${warning}\n`);
    } else print(formatObject(asGoTypes({ ...info, ClientInfo: client }), format));
  }
}
