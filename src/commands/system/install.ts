import { fileURLToPath } from "node:url";
import { bootEnvironment } from "../../cli/boot-environment.ts";
import { Command } from "../../cli/command.ts";
import { printError } from "../../cli/output.ts";
import { Flags } from "../../cli/parameters.ts";
import { commandSearchPath } from "../../cli/search-path.ts";
import { resolveSettings, standaloneLayoutOf } from "../../cli/settings.ts";
import { BOOT_UNIT, installBootUnit, removeBootUnit } from "../../engine/host/boot-unit.ts";
import { installRequirements, planInstall } from "../../engine/host/install.ts";
import { startStandalone } from "../../engine/host/standalone.ts";
import { type Finding, surveyHost } from "../../engine/host/survey.ts";
import { supervisorPidPath } from "../../store/layout.ts";
import { makePrivateDirectory } from "../../store/private-directory.ts";

export default class SystemInstall extends Command {
  static override summary = "Say what this host lacks to run containers, and install it if asked to";
  static override examples = [
    "$ wharf system install",
    "$ wharf system install --yes",
    "$ wharf system install --standalone",
    "$ wharf system install --boot",
  ];
  static override flags = {
    yes: Flags.boolean({ char: "y", summary: "Install what is missing with the distribution's package manager" }),
    boot: Flags.boolean({
      allowNo: true,
      summary: "Start the supervisor at boot, so that restart policies hold after it; --boot=false takes that back",
    }),
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
    if (flags.boot === true) await this.startAtBoot(flags.standalone);
    if (flags.boot === false) await this.startNoMoreAtBoot();
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

  private async startAtBoot(startedStandalone: boolean): Promise<void> {
    const { socket } = standaloneLayoutOf(process.env);
    // What --standalone has just started was not there yet when the settings were decided.
    const settings = startedStandalone ? resolveSettings({ address: socket }, process.env) : this.settings;
    const { path, told } = await installBootUnit({
      wharf: [process.execPath, "--", fileURLToPath(new URL("./wharf.cjs", import.meta.url))],
      environment: bootEnvironment(settings, process.env),
      pidPath: supervisorPidPath(settings),
      standalone: settings.address === socket,
    });
    this.log(told ? `enabled ${BOOT_UNIT} (${path}): the supervisor runs, and starts at boot` : `wrote ${path}`);
    if (told) return;
    printError(
      `systemd does not run here. Where it does, \`systemctl enable --now ${BOOT_UNIT}\` puts the unit to use;\n` +
        "with another init, have it run `wharf supervisor start` once containerd is up.\n",
    );
  }

  private async startNoMoreAtBoot(): Promise<void> {
    const removed = await removeBootUnit();
    this.log(removed ? `removed ${removed.path}` : "the supervisor is not started at boot");
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
