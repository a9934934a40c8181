import { Command } from "../../cli/command.ts";
import { Args, Flags } from "../../cli/parameters.ts";
import { applyChanges } from "../../model/image-changes.ts";
import { Reference } from "../../model/reference.ts";

export default class ContainerCommit extends Command {
  static override summary = "Create a new image from a container's changes";
  static override aliases = ["commit"];
  static override usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]";
  static override examples = ["commit -m 'with curl' web web:2", "commit -c 'CMD [\"serve\"]' -c 'ENV A=b' web web:3"];
  static override args = { container: Args.string({ required: true }), reference: Args.string({}) };
  static override flags = {
    author: Flags.string({ char: "a", helpValue: "string", summary: 'Author (e.g., "John Hannibal Smith")' }),
    change: Flags.string({
      char: "c",
      multiple: true,
      helpValue: "list",
      summary: "Apply Dockerfile instruction to the created image",
    }),
    message: Flags.string({ char: "m", helpValue: "string", summary: "Commit message" }),
    "no-pause": Flags.boolean({ summary: "Don't pause the container during commit" }),
    pause: Flags.boolean({ char: "p", allowNo: true, default: true, summary: "Pause container during commit" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ContainerCommit);
    const { author, change: changes = [], message: comment } = flags;
    applyChanges({}, changes);
    const named = args.reference ? Reference.parse(args.reference).withDefaultTag() : undefined;
    const query = {
      container: args.container,
      repo: named?.digest === undefined ? named?.familiarRepository : args.reference,
      tag: named?.tag,
      author,
      comment,
      changes: changes.length > 0 ? changes.join("\n") : undefined,
      pause: flags.pause && !flags["no-pause"] ? "1" : "0",
    };
    const api = await this.openSupervisor();
    const { Id } = await api.request<{ Id: string }>("POST", "/commit", { query, signal: this.signal });
    this.log(Id);
  }
}
