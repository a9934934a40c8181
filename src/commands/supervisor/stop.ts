import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "../../cli/command.ts";
import { accepts, supervisorApi } from "../../cli/open-supervisor.ts";
import { apiSocketPath, supervisorPidPath } from "../../store/layout.ts";

const POLL_MS = 10;
const DEADLINE_MS = 30_000;

export default class SupervisorStop extends Command {
  static override summary = "Stop the supervisor; containers run on, and their output waits for the next one";
  static override examples = ["supervisor stop"];

  async run(): Promise<void> {
    await this.parse(SupervisorStop);
    if (!(await accepts(apiSocketPath(this.settings)))) {
      this.warn("the supervisor does not run");
      return;
    }
    const api = supervisorApi(this.settings);
    // The file goes last of all; another supervisor writes its own.
    const pidPath = supervisorPidPath(this.settings);
    const pid = pidIn(pidPath);
    const response = await api.stream("POST", "/wharf/shutdown", { signal: this.signal });
    response.resume();
    await new Promise((resolve) => response.once("close", resolve));
    // It takes no more calls. What it has to let go of, such as a bridge that nobody is on, it still does.
    const deadline = performance.now() + DEADLINE_MS;
    while (pid !== "" && pidIn(pidPath) === pid && performance.now() < deadline) {
      await delay(POLL_MS, undefined, { signal: this.signal });
    }
  }
}

/** `""` when there is no such file. */
function pidIn(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
