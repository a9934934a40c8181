import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readSandboxImage } from "../../src/store/sandbox-image.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-config-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** What a daemon that was started with the configuration names. */
async function named(config: string): Promise<string | undefined> {
  const path = join(directory, "config.toml");
  await writeFile(path, config);
  const daemon = spawn(process.execPath, ["-e", "process.stdin.resume()", "--", "--config", path], { stdio: "pipe" });
  try {
    await new Promise((resolve) => daemon.once("spawn", resolve));
    return await readSandboxImage(daemon.pid ?? 0);
  } finally {
    const ended = new Promise((resolve) => daemon.once("close", resolve));
    daemon.stdin.end();
    await ended;
  }
}

it.each([
  ["version 2", `[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "registry.example/pause:1" # ours\n`],
  [
    "version 3",
    `[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  other = "x"\n  sandbox = 'registry.example/pause:1'\n[next]\n`,
  ],
  ["an inline table", `pinned_images = { sandbox = "registry.example/pause:1" }\n`],
])("finds the sandbox image in a configuration of %s", async (_, config) => {
  expect(await named(config)).toBe("registry.example/pause:1");
});

it("says nothing where the configuration does not", async () => {
  expect(await named(`# sandbox_image = "x"\n[pinned_images]\n[other]\n  sandbox = "x"\n`)).toBeUndefined();
});

it("follows imports, of which the last one holds", async () => {
  await mkdir(join(directory, "conf.d"));
  await writeFile(join(directory, "conf.d/10.toml"), `sandbox_image = "registry.example/ten:1"\n`);
  await writeFile(join(directory, "conf.d/20.toml"), `sandbox_image = "registry.example/twenty:1"\n`);
  await writeFile(join(directory, "conf.d/30.conf"), `sandbox_image = "registry.example/thirty:1"\n`);
  expect(await named(`imports = ["conf.d/*.toml"]\nsandbox_image = "registry.example/main:1"\n`)).toBe(
    "registry.example/twenty:1",
  );
});
