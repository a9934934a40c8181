import { join } from "node:path";
import { expect } from "vitest";
import type { DoctorEntry } from "../../src/model/doctor-report.ts";
import { containerdPrograms } from "./containerd.ts";
import { OwnHost } from "./own-host.ts";
import { runProgram } from "./program.ts";
import { waitUntil } from "./wait-until.ts";

/** A host that a test looks over: what accidents leave on it, and what the doctor makes of that. */
export class ExaminedHost extends OwnHost {
  private armedPid: number | undefined;

  /** Starts a supervisor that dies at a fault point, in the place of the present one; see src/fault-point.ts. */
  async armSupervisor(faultPoint: string): Promise<void> {
    await this.node.cli("supervisor", "stop");
    const { exitCode, stderr } = await this.node.cliWith(
      { env: { WHARF_FAULT_POINT: faultPoint } },
      "supervisor",
      "start",
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    this.armedPid = this.supervisorPid;
  }

  /** Waits until the armed supervisor has met its end. A command that it left waiting may have started the next one. */
  async supervisorDied(): Promise<void> {
    await waitUntil("the supervisor has died", () => this.supervisorPid !== this.armedPid);
  }

  /** Runs containerd's own client in the namespace: somebody who knows nothing of wharf. */
  async ctr(...args: string[]): Promise<string> {
    const program = join(containerdPrograms(), "ctr");
    const { stdout } = await runProgram(program, ["-a", this.containerd.address, "-n", this.node.namespace, ...args]);
    return stdout;
  }

  /** What `system doctor` finds, and that its exit code says so. */
  async doctor(): Promise<DoctorEntry[]> {
    return await this.examine("system", "doctor");
  }

  /** What `system doctor --repair` mends. */
  async repair(): Promise<DoctorEntry[]> {
    return await this.examine("system", "doctor", "--repair");
  }

  private async examine(...command: string[]): Promise<DoctorEntry[]> {
    const { exitCode, stdout, stderr } = await this.node.cli(...command, "--format", "json");
    const entries = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as DoctorEntry]));
    const wrong = entries.filter(({ Mended }) => !Mended);
    expect({ exitCode, stderr }).toEqual({ exitCode: wrong.length > 0 ? 1 : 0, stderr: "" });
    return entries;
  }
}
