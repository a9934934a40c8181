import { Command } from "../../cli/command.ts";
import { formatRows, type RowKind } from "../../cli/format.ts";
import { print } from "../../cli/output.ts";
import { Flags } from "../../cli/parameters.ts";
import { formatDecimalSize } from "../../model/byte-size.ts";
import type { DoctorEntry } from "../../model/doctor-report.ts";

const ROWS: RowKind<DoctorEntry> = {
  goType: "doctor.Entry",
  fields: {
    Kind: { header: "KIND", show: ({ Kind }) => Kind },
    Object: { header: "OBJECT", show: ({ Object: object }) => object },
    Namespace: { header: "NAMESPACE", show: ({ Namespace }) => Namespace },
    Why: { header: "WHY", show: ({ Why }) => Why },
    Remedy: { header: "REMEDY", show: ({ Remedy }) => Remedy },
    Bytes: { header: "BYTES", show: ({ Bytes }) => Bytes },
    Mended: { header: "MENDED", show: ({ Mended }) => Mended ?? false },
    Failure: { header: "FAILURE", show: ({ Failure }) => Failure ?? "" },
  },
};

export default class SystemDoctor extends Command {
  static override summary = "Find what is left behind or out of order on this host, and mend it if asked to";
  static override description =
    "Changes nothing without --repair. The exit code is 1 when something is found, or could not be mended.";
  static override examples = ["system doctor", "system doctor --repair", "system doctor --format json"];
  static override flags = {
    repair: Flags.boolean({ summary: "Mend what is found, and tell what was done" }),
    format: Flags.string({
      helpValue: "string",
      summary: "Format output: 'table TEMPLATE', 'json', TEMPLATE",
    }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SystemDoctor);
    const supervisor = await this.openSupervisor();
    const method = flags.repair ? "POST" : "GET";
    const entries = await supervisor.request<DoctorEntry[]>(method, "/wharf/doctor", { signal: this.signal });
    if (flags.format !== undefined) print(formatRows(ROWS, entries, flags.format));
    else if (entries.length === 0) this.log("all is well");
    else for (const entry of entries) this.log(describe(entry));
    if (entries.some(({ Mended }) => Mended !== true)) this.exitCode = 1;
  }
}

/** One line: what it is, why it is found, what is done about it. */
function describe({ Kind, Object: object, Why, Remedy, Bytes, Mended, Failure }: DoctorEntry): string {
  const size = Bytes > 0 ? ` (${formatDecimalSize(Bytes)})` : "";
  const done = Mended === undefined ? "remedy" : Mended ? "done" : "not done";
  return `${Kind} ${object}${size}: ${Why}; ${done}: ${Remedy}${Failure ? ` (${Failure})` : ""}`;
}
