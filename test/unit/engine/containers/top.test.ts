import { describe, expect, it } from "vitest";
import { selectProcesses } from "../../../../src/engine/containers/top.ts";

describe("selectProcesses", () => {
  it("keeps the container's rows, and the command's spaces", () => {
    const output = [
      "UID        PID  PPID  C STIME TTY          TIME CMD",
      "root         1     0  0 10:00 ?        00:00:01 /sbin/init splash",
      "root      4242     1  0 10:30 ?        00:00:00 sh -c sleep 100",
      "",
    ].join("\n");

    expect(selectProcesses(output, new Set(["4242"]))).toEqual({
      Titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
      Processes: [["root", "4242", "1", "0", "10:30", "?", "00:00:00", "sh -c sleep 100"]],
    });
  });

  it("keeps a process's threads with it", () => {
    const output =
      "  PID TTY          TIME CMD\n 4242 ?        00:00:00 sleep\n    - -        00:00:00 -\n    7 ?        00:00:00 x\n    - -        00:00:00 -\n";

    expect(selectProcesses(output, new Set(["4242"])).Processes).toEqual([
      ["4242", "?", "00:00:00", "sleep"],
      ["-", "-", "00:00:00", "-"],
    ]);
  });

  it("needs to know which column holds the PIDs", () => {
    expect(() => selectProcesses("COMMAND\nsleep\n", new Set())).toThrow("Couldn't find PID field in ps output");
  });
});
