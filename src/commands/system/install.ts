import { Command } from "../../cli/command.ts";
import { printError } from "../../cli/output.ts";
import { Flags } from "../../cli/parameters.ts";
import { commandSearchPath } from "../../cli/search-path.ts";
import { standaloneLayoutOf } from "../../cli/settings.ts";
import { installRequirements, planInstall } from "../../engine/host/install.ts";
import { startStandalone } from "../../engine/host/standalone.ts";
import { type Finding, surveyHost } from "../../engine/host/survey.ts";
import { makePrivateDirectory } from "../../store/private-directory.ts";

export default class SystemInstall extends Command {
  static override summary = "Say what this host lacks to run containers, and install it if asked to";
  static override examples = [
    "$ wharf system install",
    "$ wharf system install --yes",
    "$ wharf system install --standalone",
  ];
  static override flags = {
    yes: Flags.boolean({ char: "y", summary: "Install what is missing with the distribution's package manager" }),
    standalone: Flags.boolean({ summary: "Keep a private containerd under wharf's data root and start it" }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(SystemInstall);
    let findings = await this.survey();
    if (flags.yes && findings.some(isMissing)) {
      await this.installMissing(findings);
      findings = await this.survey();
    }
    for (const finding of findings) this.log(describe(finding));
    if (findings.some(isMissing)) {
      this.exitCode = 1;
      if (!flags.yes) await this.tellHowToInstall(findings);
    }
    if (flags.standalone) await this.startStandalone();
  }

  private async survey(): Promise<Finding[]> {
    return await surveyHost({ searchPath: commandSearchPath(process.env), cniPath: this.settings.cniPath });
  }

  private async installMissing(findings: readonly Finding[]): Promise<void> {
    await installRequirements(installRequest(findings), {
      signal: this.signal,
      onProgress: (event) => printError(event.type === "running" ? `+ ${event.argv.join(" ")}\n` : `${event.line}\n`),
    });
  }

  private async tellHowToInstall(findings: readonly Finding[]): Promise<void> {
    const commands = await planInstall(installRequest(findings));
    printError(`Install what is missing with \`wharf system install --yes\`, which runs:\n`);
    for (const argv of commands) printError(`  ${argv.join(" ")}\n`);
  }

  private async startStandalone(): Promise<void> {
    const layout = standaloneLayoutOf(process.env);
    for (const directory of [layout.root, layout.state]) makePrivateDirectory(directory);
    const searchPath = commandSearchPath(process.env);
    const pid = await startStandalone(layout, { searchPath, signal: this.signal });
    this.log(`containerd runs (pid ${pid}) on ${layout.socket}`);
  }
}

function isMissing({ path }: Finding): boolean {
  return path === undefined;
}

function installRequest(findings: readonly Finding[]) {
  const requirements = findings.filter(isMissing).map(({ requirement }) => requirement);
  return { requirements, searchPath: commandSearchPath(process.env) };
}

function describe({ requirement, path }: Finding): string {
  return path === undefined
    ? `missing  ${requirement.name}: ${requirement.purpose}`
    : `found    ${requirement.name}: ${path}`;
}
