import { InspectCommand, inspectFormatFlag } from "../cli/inspect-command.ts";
import type { OpenEngine } from "../cli/open-engine.ts";
import { Args, Flags } from "../cli/parameters.ts";
import { inspectContainer } from "../engine/containers/inspect.ts";
import { inspectImage } from "../engine/images/inspect.ts";
import { EngineError, isEngineError } from "../errors.ts";

const TYPES = ["container", "image"];

export default class Inspect extends InspectCommand {
  static override summary = "Return low-level information on containers and images";
  static override usage = "[OPTIONS] NAME|ID [NAME|ID...]";
  static override args = { name: Args.string({ required: true, multiple: true }) };
  static override flags = {
    format: inspectFormatFlag,
    size: Flags.boolean({ char: "s", summary: "Display total file sizes if the type is container" }),
    type: Flags.string({ helpValue: "string", summary: "Only inspect objects of the given type" }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Inspect);
    const { type = "", size, format } = flags;
    if (type !== "" && !TYPES.includes(type)) {
      const choice = TYPES.map((name) => `"${name}"`).join(", ");
      throw new EngineError("invalid-argument", `unknown type: "${type}": must be one of ${choice}`);
    }
    if (type === "image" && size) this.warn("--size ignored for images");
    await using engine = await this.openEngine();
    await this.inspectEach(args.name, (name) => this.find(engine, { name, type, size }), format);
  }

  /** Without a type, a container of that name goes before an image. */
  private async find(
    engine: OpenEngine<never>,
    { name, type, size }: { readonly name: string; readonly type: string; readonly size: boolean },
  ): Promise<unknown> {
    const context = { signal: this.signal };
    try {
      if (type !== "image") return await inspectContainer(engine, { nameOrId: name, size }, context);
    } catch (error) {
      if (type === "container" || !isEngineError(error, "not-found")) throw error;
    }
    try {
      return await inspectImage(engine, { image: name }, context);
    } catch (error) {
      if (type === "image" || !isEngineError(error, "not-found", "invalid-argument")) throw error;
      throw new EngineError("not-found", `no such object: ${name}`, { cause: error });
    }
  }
}
