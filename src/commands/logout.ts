import { Command } from "../cli/command.ts";
import { printError } from "../cli/output.ts";
import { Args } from "../cli/parameters.ts";
import { dockerConfigDirectory } from "../cli/registry-settings.ts";
import { isEngineError } from "../errors.ts";
import { CredentialStore } from "../registry/credentials.ts";
import { keyOfAddress } from "../registry/docker-config.ts";

export default class Logout extends Command {
  static override summary = "Log out from a registry";
  static override description = "If no server is specified, the default is Docker Hub.";
  static override usage = "[SERVER]";
  static override args = { server: Args.string({}) };

  async run(): Promise<void> {
    const { args } = await this.parse(Logout);
    const key = keyOfAddress(args.server ?? "");
    // What older versions of docker wrote, too.
    const keys = key.includes("://") ? [key] : [key, `http://${key}`, `https://${key}`];
    this.log(`Removing login credentials for ${key}`);
    try {
      await new CredentialStore(dockerConfigDirectory(process.env)).erase(keys);
    } catch (error) {
      if (!isEngineError(error, "failed-precondition")) throw error;
      this.warn("could not erase credentials:");
      printError(`${key}: ${error.message}\n`);
    }
  }
}
