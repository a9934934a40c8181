import { Command } from "../../../../src/cli/command.ts";
import { containerFlags, createBody } from "../../../../src/cli/flags/create-body.ts";
import { Interrupts } from "../../../../src/cli/interrupts.ts";
import { Args } from "../../../../src/cli/parameters.ts";
import type { CreateBody } from "../../../../src/model/container-config.ts";

class CreateProbe extends Command {
  static override stopAtPositional = true;
  static override args = { image: Args.string({ required: true }), command: Args.string({ multiple: true }) };
  static override flags = containerFlags;
  body: CreateBody | undefined;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CreateProbe);
    this.body = createBody(flags, { image: args.image, command: args.command ?? [] });
  }
}

/** The body that `create` would send for a command line; throws what `create` would report. */
export async function parseCreate(...argv: string[]): Promise<CreateBody> {
  const interrupts = new Interrupts();
  try {
    const probe = new CreateProbe({ argv, calledAs: "create", interrupts });
    await probe.run();
    if (probe.body === undefined) throw new Error("the command did not run");
    return probe.body;
  } finally {
    interrupts.release();
  }
}
