import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bootUnit, installBootUnit, removeBootUnit } from "../../../../src/engine/host/boot-unit.ts";

const REQUEST = {
  wharf: ["/usr/bin/node", "--", "/opt/wharf/dist/wharf.cjs"],
  environment: { CONTAINERD_ADDRESS: "/run/containerd/containerd.sock" },
  pidPath: "/run/wharf/supervisor.pid",
  standalone: false,
};

describe("bootUnit", () => {
  it("starts the supervisor behind the host's containerd", () => {
    const unit = bootUnit(REQUEST);

    expect(unit).toContain("\nAfter=containerd.service\nWants=containerd.service\n");
    expect(unit).toContain("\nPIDFile=/run/wharf/supervisor.pid\n");
    expect(unit).toContain("\nEnvironment=CONTAINERD_ADDRESS=/run/containerd/containerd.sock\n");
    expect(unit).toContain("\nExecStart=/usr/bin/node -- /opt/wharf/dist/wharf.cjs supervisor start\n");
    expect(unit).toContain("\nWantedBy=multi-user.target\n");
    expect(unit).not.toContain("ExecStartPre");
  });

  it("starts wharf's own containerd before", () => {
    const unit = bootUnit({ ...REQUEST, standalone: true });

    expect(unit).toContain("\nExecStartPre=/usr/bin/node -- /opt/wharf/dist/wharf.cjs system standalone start\n");
    expect(unit).not.toContain("containerd.service");
  });

  it("quotes what systemd would read otherwise", () => {
    const unit = bootUnit({ ...REQUEST, wharf: ['/opt/my wharf/100%/$x/a"b'], environment: { A: "b c\\d" } });

    expect(unit).toContain('\nExecStart="/opt/my wharf/100%%/$$x/a\\"b" supervisor start\n');
    expect(unit).toContain('\nEnvironment="A=b c\\\\d"\n');
  });
});

describe("the unit, where systemd runs", () => {
  const path = process.env.PATH;
  let directory: string;
  let places: { readonly unitPath: string; readonly mark: string };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "wharf-boot-"));
    places = { unitPath: join(directory, "system/wharf-supervisor.service"), mark: join(directory, "mark") };
    await mkdir(places.mark);
    await answerWith("exit 0");
    process.env.PATH = `${join(directory, "bin")}:${path}`;
  });

  afterEach(async () => {
    process.env.PATH = path;
    await rm(directory, { recursive: true, force: true });
  });

  /** Puts a systemctl in the way that writes down what it is asked. */
  async function answerWith(script: string): Promise<void> {
    await mkdir(join(directory, "bin"), { recursive: true });
    const program = join(directory, "bin/systemctl");
    await writeFile(program, `#!/bin/sh\necho "$*" >>${directory}/asked\n${script}\n`);
    await chmod(program, 0o755);
  }

  async function asked(): Promise<string> {
    return await readFile(join(directory, "asked"), "utf8");
  }

  it("is written, enabled and started, and removed again", async () => {
    expect(await installBootUnit(REQUEST, places)).toEqual({ path: places.unitPath, told: true });
    expect(await readFile(places.unitPath, "utf8")).toBe(bootUnit(REQUEST));
    expect(await asked()).toBe("daemon-reload\nenable --now wharf-supervisor.service\n");

    expect(await removeBootUnit(places)).toEqual({ path: places.unitPath, told: true });
    expect(await asked()).toMatch(/disable wharf-supervisor\.service\ndaemon-reload\n$/);
    expect(await removeBootUnit(places)).toBeUndefined();
  });

  it("is not installed without systemd's consent, in its words", async () => {
    await answerWith("echo 'no such bus' >&2; exit 1");

    await expect(installBootUnit(REQUEST, places)).rejects.toMatchObject({
      code: "internal",
      message: "systemctl daemon-reload: no such bus",
    });
  });
});
