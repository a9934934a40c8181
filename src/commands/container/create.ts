import { Command } from "../../cli/command.ts";
import { createContainer } from "../../cli/create-container.ts";
import { EXIT_FAILURE, EXIT_RUN_FAILED } from "../../cli/exit-codes.ts";
import { containerFlags, createBody } from "../../cli/flags/create-body.ts";
import { creationFlags } from "../../cli/flags/creation.ts";
import { notDoneWarnings } from "../../cli/flags/not-done.ts";
import { Args } from "../../cli/parameters.ts";

export default class ContainerCreate extends Command {
  static override summary = "Create a new container";
  static override aliases = ["create"];
  static override usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";
  static override examples = ["create --name web -p 8080:80 nginx", "create -v data:/var/lib/db --restart always db"];
  static override stopAtPositional = true;
  static override args = {
    image: Args.string({ required: true }),
    command: Args.string({ multiple: true }),
  };
  static override flags = { ...containerFlags, ...creationFlags };

  /** Of what is wrong with the command line; see below. */
  override failureExitCode = EXIT_RUN_FAILED;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerCreate);
    const body = createBody(flags, { image: args.image, command: args.command ?? [] });
    for (const warning of notDoneWarnings(flags)) this.warn(warning);
    if (flags.pidfile !== undefined) this.warn("--pidfile: a container that is only created has no process");
    // Unlike `run`, a refusal by the engine is a failure like that of any other command.
    this.failureExitCode = EXIT_FAILURE;
    const api = await this.openSupervisor();
    const { name, platform, quiet, cidfile: cidFile, pull = "missing" } = flags;
    const request = { body, name, platform, quiet, cidFile, pull };
    this.log(await createContainer(api, request, { settings: this.settings, signal: this.signal }));
  }
}
