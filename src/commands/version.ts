import { Command } from "../cli/command.ts";
import { formatObject, parseFormat } from "../cli/format.ts";
import { objectFormatFlag } from "../cli/format-flag.ts";
import { asGoTypes } from "../cli/go-view.ts";
import { print } from "../cli/output.ts";
import { GIT_COMMIT, VERSION } from "../cli/version.ts";
import { type ClientVersion, versionText } from "../cli/version-text.ts";
import { describeVersion } from "../engine/system/version.ts";
import { API_VERSION, MIN_API_VERSION } from "../model/api-version.ts";
import type { SystemVersion } from "../model/system-view.ts";

export default class Version extends Command {
  static override summary = "Show the wharf version information";
  static override flags = {
    format: objectFormatFlag,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Version);
    const { format = "" } = flags;
    if (format !== "" && format !== "json") parseFormat(format, "version");
    const server = await this.readServer().catch((error: unknown) => ({ error }));
    const found = "error" in server ? undefined : server;
    // What is known without a server is shown before its failure is.
    if (format === "") print(versionText(this.client, found));
    else print(formatObject(asGoTypes({ Client: this.client, Server: found ?? null }), format, "version"));
    if ("error" in server) throw server.error;
  }

  private async readServer(): Promise<SystemVersion> {
    await using engine = await this.openEngine("host");
    const wharf = {
      version: VERSION,
      apiVersion: API_VERSION,
      minApiVersion: MIN_API_VERSION,
      gitCommit: GIT_COMMIT,
    };
    return await describeVersion(engine, wharf, { signal: this.signal });
  }

  private get client(): ClientVersion {
    return {
      Version: VERSION,
      ApiVersion: API_VERSION,
      DefaultAPIVersion: API_VERSION,
      GitCommit: GIT_COMMIT,
      NodeVersion: process.version,
      Os: "linux",
      Arch: process.arch === "x64" ? "amd64" : process.arch,
      Context: "default",
    };
  }
}
