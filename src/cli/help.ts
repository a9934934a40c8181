import { readFile } from "node:fs/promises";
import { CommandHelp, HelpFormatter } from "@oclif/core/help";
import type { Config, Manifest } from "@oclif/core/interfaces";
import { print, printError } from "./output.ts";
import { usageLine } from "./usage-line.ts";

type ManifestCommand = Manifest["commands"][string];
type ManifestFlag = ManifestCommand["flags"][string];

/** What the groups of commands are about; also their order in the overview. */
const GROUPS: Readonly<Record<string, string>> = {
  container: "Manage containers",
  image: "Manage images",
  namespace: "Manage containerd namespaces",
  registry: "Look at how registries are reached",
  supervisor: "Manage the process that holds containers' input and output",
  system: "Manage this host",
};

/** What a person needs first, in docker's order. */
const COMMON = ["run", "exec", "ps", "pull", "images", "version", "info"];

/** Prints the help of a command or group, given the words that name it, or the overview. Returns the exit code. */
export async function showHelp(words: readonly string[]): Promise<number> {
  const help = new DockerLikeHelp(await readManifest());
  return help.show(words);
}

async function readManifest(): Promise<Manifest> {
  const file = new URL("../oclif.manifest.json", import.meta.url);
  return JSON.parse(await readFile(file, "utf8")) as Manifest;
}

/** The part of oclif's configuration that its help reads. */
function helpConfig(commands: readonly ManifestCommand[]): Config {
  const config = { bin: "wharf", topicSeparator: " ", commands, topics: [], plugins: new Map(), pjson: { oclif: {} } };
  return config as unknown as Config;
}

/** oclif's help in docker's arrangement: overview, groups, and commands as `DockerLikeCommandHelp` shows them. */
class DockerLikeHelp extends HelpFormatter {
  private readonly commands: readonly ManifestCommand[];

  constructor(manifest: Manifest) {
    const commands = Object.values(manifest.commands).filter(({ hidden }) => !hidden);
    super(helpConfig(commands), HELP_OPTIONS);
    this.commands = commands;
  }

  /** Returns the exit code: 1 for words that name nothing. */
  show(words: readonly string[]): number {
    const id = words.join(":");
    const command = this.commands.find((candidate) => candidate.id === id || candidate.aliases.includes(id));
    const within = this.commands.filter((candidate) => candidate.id.startsWith(`${id}:`));
    if (words.length === 0) this.showOverview();
    else if (command !== undefined) this.showCommandHelp(command, words.join(" "));
    else if (within.length > 0) this.showGroupHelp(words, within);
    else return this.reportUnknown(words);
    return 0;
  }

  private showOverview(): void {
    const named = this.shortNames();
    const others = [...named].filter(([name]) => !COMMON.includes(name)).sort(byName);
    this.printParagraphs([
      "Usage:  wharf [OPTIONS] COMMAND",
      "Docker's command line over containerd's own services",
      this.list(
        "Common Commands",
        COMMON.flatMap((name) => this.entry(name, named.get(name))),
      ),
      this.list("Management Commands", this.groupEntries()),
      this.list(
        "Commands",
        others.flatMap(([name, command]) => this.entry(name, command)),
      ),
      this.globalOptions(),
      "Run 'wharf COMMAND --help' for more information on a command.",
    ]);
  }

  private showCommandHelp(command: ManifestCommand, calledAs: string): void {
    this.printParagraphs([new DockerLikeCommandHelp(command, calledAs, this.config).generate()]);
  }

  private showGroupHelp(words: readonly string[], commands: readonly ManifestCommand[]): void {
    const group = words.join(" ");
    const prefix = `${words.join(":")}:`;
    this.printParagraphs([
      `Usage:  wharf ${group} COMMAND`,
      GROUPS[group] ?? "",
      this.list(
        "Commands",
        commands.map((command) => [command.id.slice(prefix.length).replaceAll(":", " "), command.summary]),
      ),
      `Run 'wharf ${group} COMMAND --help' for more information on a command.`,
    ]);
  }

  private reportUnknown(words: readonly string[]): number {
    printError(`unknown help topic: ${words.join(" ")}\n`);
    return 1;
  }

  /** Commands by the names of one word: `ps`, not `container ls`. */
  private shortNames(): Map<string, ManifestCommand> {
    const names = this.commands.flatMap((command) =>
      [command.id, ...command.aliases].filter((name) => !name.includes(":")).map((name) => [name, command] as const),
    );
    return new Map(names);
  }

  private entry(name: string, command: ManifestCommand | undefined): [string, string | undefined][] {
    return command === undefined ? [] : [[name, command.summary]];
  }

  private groupEntries(): [string, string][] {
    return Object.entries(GROUPS).filter(([group]) => this.commands.some(({ id }) => id.startsWith(`${group}:`)));
  }

  private globalOptions(): string {
    const [anyCommand] = this.commands;
    const flags = Object.values(anyCommand?.flags ?? {}).filter(({ helpGroup }) => helpGroup === "GLOBAL");
    const labels = flags.map((flag): [string, string | undefined] => [labelOf(flag), flag.summary]);
    return this.list("Global Options", [...labels, ["-v, --version", "Print version information and quit"]]);
  }

  private list(header: string, entries: [string, string | undefined][]): string {
    return listSection(this, header, entries);
  }

  private printParagraphs(paragraphs: readonly string[]): void {
    print(`${paragraphs.filter((paragraph) => paragraph !== "").join("\n\n")}\n`);
  }
}

const HELP_OPTIONS = { stripAnsi: true } as const;

/** oclif's help of one command, with docker's headings, usage line and flags. */
class DockerLikeCommandHelp extends CommandHelp {
  constructor(
    private readonly entry: ManifestCommand,
    private readonly calledAs: string,
    config: Config,
  ) {
    super(entry as never, config, HELP_OPTIONS as never);
  }

  override generate(): string {
    const { entry } = this;
    const names = [entry.id, ...entry.aliases].map((name) => `wharf ${name.replaceAll(":", " ")}`);
    const flags = Object.values(entry.flags)
      .filter(({ hidden }) => !hidden)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const examples = this.examples(entry.examples);
    return [
      `Usage:  wharf ${this.calledAs} ${usageLine(entry)}`.trimEnd(),
      entry.summary ?? "",
      entry.description ?? "",
      names.length > 1 ? `Aliases:\n  ${names.join(", ")}` : "",
      this.flagSection(
        "Options",
        flags.filter(({ helpGroup }) => helpGroup !== "GLOBAL"),
      ),
      this.flagSection(
        "Global Options",
        flags.filter(({ helpGroup }) => helpGroup === "GLOBAL"),
      ),
      examples === undefined ? "" : section("Examples", examples),
    ]
      .filter((paragraph) => paragraph !== "")
      .join("\n\n");
  }

  private flagSection(header: string, flags: readonly ManifestFlag[]): string {
    if (flags.length === 0) return "";
    return listSection(
      this,
      header,
      flags.map((flag) => [labelOf(flag), summaryOf(flag)]),
    );
  }
}

/** docker's label of a flag: `-f, --filter filter`, `    --no-trunc`. */
function labelOf(flag: ManifestFlag): string {
  const letter = flag.char === undefined ? "    " : `-${flag.char}, `;
  return `${letter}--${flag.name}${flag.type === "option" ? ` ${valueLabel(flag)}` : ""}`;
}

function valueLabel(flag: ManifestFlag & { readonly type: "option" }): string {
  return [flag.helpValue ?? (flag.multiple ? "list" : "string")].flat()[0] ?? "string";
}

/** What the flag is for; its default, unless it says so itself. */
function summaryOf(flag: ManifestFlag): string {
  const { summary = "" } = flag;
  const shown = flag.type === "option" && flag.default !== undefined && !summary.includes("(default");
  return shown ? `${summary} (default ${String(flag.default)})` : summary;
}

function listSection(formatter: HelpFormatter, header: string, entries: [string, string | undefined][]): string {
  const list = formatter.renderList(entries, { indentation: 2, stripAnsi: true, spacer: "\n" });
  // oclif trims the list, and with it the place of the first flag's letter.
  const [indentation] = /^ */.exec(entries[0]?.[0] ?? "") ?? [""];
  return section(header, indentation + list);
}

function section(header: string, body: string): string {
  return `${header}:\n${body.replaceAll(/^(?=.)/gm, "  ")}`;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
