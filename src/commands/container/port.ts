import { Command } from "../../cli/command.ts";
import { Args } from "../../cli/parameters.ts";
import { displayBinding, parsePrivatePort } from "../../cli/port-bindings.ts";
import { inspectContainer } from "../../engine/containers/inspect.ts";
import { EngineError } from "../../errors.ts";

export default class ContainerPort extends Command {
  static override summary = "List port mappings or a specific mapping for the container";
  static override aliases = ["port"];
  static override usage = "CONTAINER [PRIVATE_PORT[/PROTO]]";
  static override args = { container: Args.string({ required: true }), port: Args.string() };

  async run(): Promise<void> {
    const { args } = await this.parse(ContainerPort);
    await using engine = await this.openEngine();
    const container = await inspectContainer(engine, { nameOrId: args.container }, { signal: this.signal });
    const bindings = Object.entries(container.NetworkSettings.Ports).map(
      ([port, bound]) => [port, bound ?? []] as const,
    );
    if (args.port === undefined) {
      for (const [port, bound] of bindings.sort(byPortNumber)) {
        for (const binding of bound) this.log(`${port} -> ${displayBinding(binding)}`);
      }
      return;
    }
    const wanted = parsePrivatePort(args.port);
    const bound = bindings.find(([port]) => port === wanted)?.[1] ?? [];
    if (bound.length === 0) {
      throw new EngineError("not-found", `no public port '${args.port}' published for ${args.container}`);
    }
    for (const binding of bound) this.log(displayBinding(binding));
  }
}

type Binding = readonly [port: string, bound: unknown];

function byPortNumber([a]: Binding, [b]: Binding): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1);
}
