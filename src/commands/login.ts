import { Command } from "../cli/command.ts";
import { registryFlags } from "../cli/flags/registry.ts";
import { logIn } from "../cli/log-in.ts";
import { Args, Flags } from "../cli/parameters.ts";
import { EngineError } from "../errors.ts";

export default class Login extends Command {
  static override summary = "Authenticate to a registry";
  static override description = "Defaults to Docker Hub if no server is specified.";
  static override usage = "[OPTIONS] [SERVER]";
  static override examples = ["login", "login -u me --password-stdin registry.example.com < token"];
  static override args = { server: Args.string({}) };
  static override flags = {
    ...registryFlags,
    password: Flags.string({ char: "p", helpValue: "string", summary: "Password or Personal Access Token (PAT)" }),
    "password-stdin": Flags.boolean({ summary: "Take the Password or Personal Access Token (PAT) from stdin" }),
    username: Flags.string({ char: "u", helpValue: "string", summary: "Username" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Login);
    const { username, password, "password-stdin": passwordStdin } = flags;
    if (passwordStdin && password !== undefined) {
      const message = "conflicting options: cannot specify both --password and --password-stdin";
      throw new EngineError("invalid-argument", message);
    }
    if (passwordStdin && !username) {
      throw new EngineError("invalid-argument", "the --password-stdin option requires --username to be set");
    }
    if (password === "") throw new EngineError("invalid-argument", "password is empty");
    if (password !== undefined) this.warn("Using --password via the CLI is insecure. Use --password-stdin.");
    const request = { server: args.server ?? "", username, password, passwordStdin };
    await logIn(this.settings, request, { signal: this.signal });
    this.log("Login Succeeded");
  }
}
