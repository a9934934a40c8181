import { describe, expect, it } from "vitest";
import { explainStartFailure } from "../../../../src/engine/containers/start-failure.ts";
import { EngineError } from "../../../../src/errors.ts";

const PREFIX =
  "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process";

/** What containerd 1.6 with runc 1.1.5 answered, word for word. */
const RECORDED: readonly [what: string, text: string, code: string, exitCode: number][] = [
  ["a name that is not in PATH", 'exec: "nosuch": executable file not found in $PATH', "command-not-found", 127],
  [
    "a path that is not there",
    'exec: "/bin/nosuch": stat /bin/nosuch: no such file or directory',
    "command-not-found",
    127,
  ],
  [
    "a relative path that is not there",
    'exec: "./nosuch": stat ./nosuch: no such file or directory',
    "command-not-found",
    127,
  ],
  ["an empty word", 'exec: "": executable file not found in $PATH', "command-not-found", 127],
  ["a file without x", 'exec: "/tmp/notexec": permission denied', "command-not-executable", 126],
  ["a directory", 'exec: "/tmp": permission denied', "command-not-executable", 126],
  ["a path below a file", 'exec: "/tmp/notexec/x": stat /tmp/notexec/x: not a directory', "invalid-argument", 127],
  [
    "a bind source that went away",
    'error during container init: error mounting "/nonexist" to rootfs at "/x": stat /nonexist: no such file or directory',
    "command-not-found",
    127,
  ],
  [
    "a file bound over a directory",
    'error during container init: error mounting "/etc/passwd" to rootfs at "/tmp": mount /etc/passwd:/tmp (via /proc/self/fd/6), flags: 0x5000: not a directory',
    "invalid-argument",
    127,
  ],
];

describe("explainStartFailure", () => {
  it.each(RECORDED)("knows %s", (_what, text, code, exitCode) => {
    const failure = explainStartFailure(new EngineError("internal", `${PREFIX}: ${text}: unknown`));

    expect(failure).toMatchObject({ code, exitCode });
    expect(failure.message).toMatch(`failed to create task for container: ${PREFIX}: ${text}`);
    expect(failure.message).not.toMatch(/unknown$/);
  });

  it("adds docker's advice when a file and a directory are mixed up", () => {
    const text = 'error mounting "/etc/passwd" to rootfs at "/tmp": not a directory';

    expect(explainStartFailure(new EngineError("internal", `${PREFIX}: ${text}: unknown`)).message).toMatch(
      /: Are you trying to mount a directory onto a file \(or vice-versa\)\? Check if .* is the expected type$/,
    );
  });

  it.each([
    [
      "runc",
      'failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error (open /run/log.json: no such file or directory): exec: "runc": executable file not found in $PATH: unknown',
    ],
    [
      "containerd-shim-runc-v2",
      'failed to start shim: failed to resolve runtime path: runtime "io.containerd.runc.v2" binary not installed "containerd-shim-runc-v2": file does not exist',
    ],
  ])("tells a host that lacks %s from a container that lacks its program", (program, text) => {
    expect(explainStartFailure(new EngineError("internal", text))).toEqual({
      code: "failed-precondition",
      message: `containerd finds no program ${program}, which it starts containers with`,
      exitCode: 128,
      hint: "run: wharf system install",
    });
  });

  it("takes other failures of the runtime for what they are", () => {
    const failure = explainStartFailure(new EngineError("internal", `${PREFIX}: error setting cgroup: unknown`));

    expect(failure).toMatchObject({ code: "internal", exitCode: 128 });
  });

  it("leaves failures that are not the runtime's alone", () => {
    const failure = explainStartFailure(new EngineError("not-found", "network web: no such file or directory"));

    expect(failure).toEqual({ code: "not-found", message: "network web: no such file or directory", exitCode: 128 });
  });
});
